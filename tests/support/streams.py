"""Streams and durables for tests, made by the very code that makes them for users."""

from datetime import UTC, datetime

from athlete_ally.adapters.journal_file import NoJournal
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.operator import NatsBroker
from athlete_ally.core.topology import DEV, Topology
from athlete_ally.ops.provision import provision


async def make_streams(connection: Connection, topology: Topology) -> list[str]:
    """Make what is missing, and return the names of what was made."""
    return await provision(NatsBroker(connection), DEV, topology, NoJournal(), datetime.now(UTC))
