"""The console: web pages for the engineer on call. It uses ports, never drivers; pure code computes what it shows."""
