"""What several commands build alike from the settings."""

from datetime import UTC, datetime

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.core.ports import Log
from athlete_ally.core.topology import Topology, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import VENDORS


def now() -> datetime:
    """Return the present instant, in UTC."""
    return datetime.now(UTC)


def desired_topology(settings: Settings) -> Topology:
    """Return the desired state of streams and durables.

    Raises:
        Misconfigured: the environment's file is not as it must be.
    """
    return build_topology(KINDS, VENDORS, environment_of(settings))


def nats_connection(settings: Settings, service: str, log: Log) -> Connection:
    """Return a connection to the configured NATS, not yet open."""
    url = settings.nats_url.get_secret_value()
    return Connection(url, name=f"athlete-ally-{service}", log=log, credentials=settings.nats_credentials)
