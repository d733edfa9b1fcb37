"""Following a real stream, and noticing where it does not go on from where it stood."""

from dataclasses import replace
from typing import Any

from support.samples import hrv_reading

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.stream_lives import PostgresLives
from athlete_ally.core.broker.topology import CORE_HOT, raw_subject
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log
from athlete_ally.normalize.stream_lives import StreamLives


async def test_a_server_that_does_not_know_the_last_time_begins_no_life(
    connection: Connection, pool: Any, log: Log
) -> None:
    """
    Without the time of the last message, as on a full disk, the cursor takes it from the message; no life is noted.
    """
    admin = NatsAdmin(connection)
    lives = StreamLives(PostgresLives(pool), admin, log)
    body = str(hrv_reading("a")).encode()
    await NatsPublisher(connection, timeout_s=2).publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, "m1", {}))
    stream = await admin.stream(CORE_HOT)
    assert stream is not None
    await lives.follow(replace(stream, messages=0, last_sequence=0, last_at=None))
    began = await pool.fetchval("SELECT count(*) FROM stream_life")
    await lives.follow(replace(stream, last_at=None))
    await lives.follow(stream)

    cursor = await PostgresLives(pool).cursor(CORE_HOT)
    assert cursor is not None
    assert (began, 1, stream.last_at) == (
        await pool.fetchval("SELECT count(*) FROM stream_life"),
        cursor.sequence,
        cursor.stored_at,
    )
