"""Drivers of the outside world: each turns a driver's errors into ours and keeps a port's promise."""
