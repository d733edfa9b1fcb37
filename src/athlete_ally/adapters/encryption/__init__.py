"""Encryption of tokens at rest and of tickets that pass through browsers."""
