"""What travels through streams: messages, their headers and identity, dead letters, and whose data they hold. Pure."""
