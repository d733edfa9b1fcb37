"""The objects that commands use, built from the settings: a module for each command or group."""
