"""The broker as we want it and as it is: streams, durables, permissions, environments. Pure."""
