"""The settings, by what they are about. Each is one entry: name, default, limits, meaning."""
