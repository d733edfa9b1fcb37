"""Replaying the message journal: what works together there."""

from datetime import datetime

from athlete_ally.adapters.files.message_journal.reader import FileJournalReader
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.nats.stream_reader import NatsStreamReader
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.receipt_lookup import PostgresReceiptLookup
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import CORE_HOT, VENDOR_HOT
from athlete_ally.ops.message_journal.replay import Replayed, Replayer, ReplayPlan
from athlete_ally.ops.streams.target import require_target
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.builders import journal_cipher
from athlete_ally.wiring.commands.session import nats_session, postgres_session
from athlete_ally.wiring.commands.streams import required_environment
from athlete_ally.wiring.commands.streams_backup import Step, Tell


async def replay_journal(
    settings: Settings, since: datetime | None, tell: Tell, *, is_plan: bool
) -> tuple[ReplayPlan, Replayed | None]:
    """Say what is lost, and publish it unless it `is_plan`.

    Raises:
        WrongTarget: this is another environment's server.
        Misconfigured: the journal, its key, a stream or the schema is missing.
        Unavailable: NATS or PostgreSQL can't be reached, or a stream takes nothing.
    """
    spec = required_environment(settings)
    async with nats_session(settings, "replay") as connection, postgres_session(settings) as pool:
        await require_current_schema(pool)
        broker = NatsBroker(connection)
        live = [stream for name in (CORE_HOT, VENDOR_HOT) if (stream := await broker.stream(name)) is not None]
        require_target(await broker.server(), spec.expect, live, spec.environment)
        replayer = Replayer(
            FileJournalReader(settings.journal_folder, journal_cipher(settings)),
            PostgresReceiptLookup(pool, FETCHED),
            NatsStreamReader(connection),
            NatsPublisher(connection, timeout_s=settings.publish_timeout_s),
        )

        def heard(what: str, done: int, total: int) -> None:
            tell(Step(what, done, total, "messages"))

        plan = await replayer.plan(since, heard)
        return plan, None if is_plan else await replayer.carry_out(plan, heard)
