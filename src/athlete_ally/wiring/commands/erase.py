"""Build the erasure of one person from streams and tables."""

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from athlete_ally.adapters.files.backup_folder import Manifest, backups_in
from athlete_ally.adapters.files.message_journal.rewriter import JournalRewriter
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.nats.stream_reader import NatsStreamReader
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.person_data import PostgresPersonData
from athlete_ally.adapters.postgres.receipt_lookup import PostgresReceiptLookup
from athlete_ally.adapters.postgres.roles import ERASER, build_roles, require_rights
from athlete_ally.config.settings import Settings
from athlete_ally.core.messages.data_subject import Person
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.ops.people.erasure import Eraser, Erasure
from athlete_ally.ops.people.inventory import SEARCHED, Inventory, Searcher
from athlete_ally.ops.people.journal_erasure import JournalEraser
from athlete_ally.ops.streams.target import require_target
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.builders import desired_topology, journal_cipher
from athlete_ally.wiring.commands.dlq import actor, new_run
from athlete_ally.wiring.commands.session import nats_session, postgres_session
from athlete_ally.wiring.commands.streams import required_environment
from athlete_ally.wiring.commands.streams_backup import Step, Tell

_ROLE = next(role for role in build_roles([each.table for each in MEASUREMENTS]) if role.name == ERASER)


@dataclass(frozen=True, slots=True)
class Who:
    """The person to erase: our id, and accounts as (vendor, account) that are no longer linked."""

    user_id: str
    accounts: Collection[tuple[str, str]] = ()


async def count_person_data(settings: Settings, who: Who, tell: Tell) -> Inventory:
    """Count the data of a person. Read-only.

    Raises:
        WrongTarget: this is another environment's server.
        Misconfigured: a stream, a durable of ours or the schema is missing, or our user lacks rights to tables.
        Unavailable: NATS or PostgreSQL can't be reached.
    """
    async with _eraser(settings, who) as (eraser, _):
        return await eraser.inventory(_heard(tell))


async def erase_person(
    settings: Settings, who: Who, inventory: Inventory, tell: Tell, *, unreadable_too: bool, wait_s: float
) -> Erasure:
    """Erase a person's data, one run at a time, and verify it. Raises as `ops.people.erasure.Eraser.carry_out`."""
    async with _eraser(settings, who) as (eraser, journal), journal.alone():
        return await eraser.carry_out(inventory, _heard(tell), unreadable_too=unreadable_too, wait_s=wait_s)


def backups_that_may_hold(folders: Collection[Path]) -> list[tuple[Path, Manifest]]:
    """Return the backups in these folders of streams that hold readings.

    Raises:
        Misconfigured: a folder does not exist, or holds a backup that can't be read.
    """
    return [each for folder in folders for each in backups_in(folder) if each[1].stream in SEARCHED]


@asynccontextmanager
async def _eraser(settings: Settings, who: Who) -> AsyncGenerator[tuple[Eraser, PostgresAuditLog]]:
    spec = required_environment(settings)
    async with nats_session(settings) as connection, postgres_session(settings) as pool:
        await require_current_schema(pool)
        await require_rights(pool, _ROLE)
        broker = NatsBroker(connection)
        live = [stream for name in SEARCHED if (stream := await broker.stream(name)) is not None]
        require_target(await broker.server(), spec.expect, live, spec.environment)
        people, journal = PostgresPersonData(pool, MEASUREMENTS), PostgresAuditLog(pool)
        person = await people.person(who.user_id)
        person = replace(person, accounts=person.accounts | set(who.accounts))
        publisher = NatsPublisher(connection, timeout_s=settings.publish_timeout_s)
        searcher = Searcher(NatsStreamReader(connection), desired_topology(settings), person)
        of_journal = _journal_eraser(settings, person, PostgresReceiptLookup(pool, FETCHED))
        yield Eraser(searcher, people, publisher, of_journal, journal, actor(), new_run()), journal


def _journal_eraser(settings: Settings, person: Person, receipts: PostgresReceiptLookup) -> JournalEraser:
    async def settled(message_ids: Sequence[str]) -> AbstractSet[str]:
        unpacked = await receipts.unpacked(message_ids)
        complete = {identity for identity, receipt in unpacked.items() if receipt.is_complete}
        return complete | await receipts.normalized(message_ids)

    return JournalEraser(JournalRewriter(settings.journal_folder, journal_cipher(settings)), person, settled)


def _heard(tell: Tell) -> Callable[[str, int, int], None]:
    def heard(what: str, done: int, total: int) -> None:
        tell(Step(what, done, total, "rows" if what.endswith("rows") else "messages"))

    return heard
