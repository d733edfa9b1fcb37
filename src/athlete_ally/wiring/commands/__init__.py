"""What commands work with, built from the settings: a module for each command or group."""
