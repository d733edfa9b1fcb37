"""Everything on one machine, for `up`, `demo` and `simulate`."""
