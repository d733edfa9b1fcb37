"""Streams and durables for tests, made by the very code that makes them for users."""

from datetime import UTC, datetime

from athlete_ally.adapters.files.change_log_file import NoChangeLog
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.core.broker.topology import DEV, Topology
from athlete_ally.ops.streams.provision import provision


async def make_streams(connection: Connection, topology: Topology) -> list[str]:
    """Make what is missing, and return the names of what was made."""
    return await provision(NatsBroker(connection), DEV, topology, NoChangeLog(), datetime.now(UTC))
