"""Build each service from the settings and run it: a module for each service."""
