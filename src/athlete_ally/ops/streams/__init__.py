"""Streams and durables: the desired state against the real one, plans, drift and backups."""
