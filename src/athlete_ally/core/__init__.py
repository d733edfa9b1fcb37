"""Values, errors, identity, verdicts, topology, series and ports: pure, and known to every other room."""
