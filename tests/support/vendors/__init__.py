"""Vendors to try things with: their APIs and deliveries, with what goes wrong at real ones."""
