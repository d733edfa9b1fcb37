"""The ports of a vendor: webhooks and their signatures, its API, the history it lists, and permissions. Pure."""
