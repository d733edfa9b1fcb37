"""The console: pages for the engineer on call. It knows ports, never drivers; what it shows is worked out purely."""
