"""Vendors that are not there: what they deliver, what their APIs answer, and what goes wrong there."""
