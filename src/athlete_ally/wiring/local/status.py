"""One status line for a person who runs `up` in a terminal."""

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.core.broker import topology
from athlete_ally.core.errors import Unavailable
from athlete_ally.measurements import KINDS
from athlete_ally.wiring.local.stack import Stack


async def status_line(stack: Stack) -> str:
    """Return what is stored and pending, or the error when a server does not answer."""
    try:
        totals = await PostgresReceipts(stack.pool).totals()
        admin = NatsAdmin(stack.connection)
        parts: list[str] = []
        for kind in KINDS:
            durable = await admin.durable(topology.CORE_HOT, topology.normalize_durable(kind))
            waiting = durable.pending + durable.ack_pending if durable else 0
            stored = totals.get(kind, {}).get("stored", 0)
            if stored or waiting:
                parts.append(f"{kind}: {stored} stored, {waiting} pending")
        dlq = await admin.stream(topology.DLQ)
    except Unavailable as error:
        return f"problem: {error}"
    return " · ".join([*parts, f"{dlq.messages if dlq else 0} dead letters"])
