"""Athlete Ally ingests wearable health data without losing any of it."""

from importlib.metadata import version

__version__ = version("athlete-ally")
