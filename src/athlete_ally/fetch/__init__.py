"""Fetching what vendors only name: people connect their accounts, and a worker asks with their tokens."""
