"""The variables of the dashboard, by which panels select series."""

from typing import Final

US: Final = 'job=~"$job", instance=~"$instance"'
"""Series of the services themselves."""
OF_DURABLE: Final = '{stream=~"$stream", durable=~"$durable"}'
"""Recorded series of the broker, where replicas count once: they have streams and durables, and no instance."""
OF_STREAM: Final = '{stream=~"$stream"}'
RATE: Final = "[$__rate_interval]"
