"""The settings by subject. Each is one entry: name, default, limits, meaning."""
