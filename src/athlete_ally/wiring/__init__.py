"""The only place where services meet adapters."""
