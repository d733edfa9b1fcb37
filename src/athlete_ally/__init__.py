"""Athlete Ally: takes wearable data in and never loses it."""

from importlib.metadata import version

__version__ = version("athlete-ally")
