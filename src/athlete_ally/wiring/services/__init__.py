"""Building each service from the settings, and running it: a module for each service."""
