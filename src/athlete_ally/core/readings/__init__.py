"""Readings and records: decoding, quantities, heart beats, and the port of a kind. Pure."""
