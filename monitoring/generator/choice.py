"""What the panels choose by: the variables of the dashboard."""

from typing import Final

US: Final = 'job=~"$job", instance=~"$instance"'
"""What the services themselves say."""
OF_DURABLE: Final = '{stream=~"$stream", durable=~"$durable"}'
"""What is recorded of the broker, where replicas count once: it has streams and durables, and no instance."""
OF_STREAM: Final = '{stream=~"$stream"}'
RATE: Final = "[$__rate_interval]"
