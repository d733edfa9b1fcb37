"""Where a row comes from: its receipts in the database, its messages in the streams."""

from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.adapters.postgres.records import PostgresRecords
from athlete_ally.config.settings import Settings
from athlete_ally.ops.people.lineage import Lineage, lineage_of
from athlete_ally.wiring.commands.session import nats_session, postgres_session


async def find_lineage(settings: Settings, message_id: str) -> Lineage | None:
    """Return the way back from the rows with this message id; None where there is no receipt of it.

    Raises:
        Unavailable: NATS or PostgreSQL can't be reached.
    """
    async with nats_session(settings) as connection, postgres_session(settings) as pool:
        return await lineage_of(message_id, PostgresRecords(pool), NatsMessages(connection))
