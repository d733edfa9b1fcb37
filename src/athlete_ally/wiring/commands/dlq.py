"""The objects that commands and the console need for dead letters: reader, triage, replay, audit log."""

import getpass
import secrets
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.ops.dead_letters.predictions import Predictor
from athlete_ally.ops.dead_letters.reader import LetterReader
from athlete_ally.ops.dead_letters.replay import Tools
from athlete_ally.ops.dead_letters.triage import Triage
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.dlq_dry_runs import build_predictor
from athlete_ally.wiring.commands.session import nats_session, postgres_session


@dataclass(frozen=True, slots=True)
class DeadLetterTools:
    """The tools for dead letters. Changes need the audit log, and so the database."""

    letters: NatsLetters
    durables: NatsAdmin
    publisher: NatsPublisher
    journal: PostgresAuditLog
    reader: LetterReader
    predictor: Predictor
    no_history: str = ""

    def triage(self, actor: str) -> Triage:
        """Return the triage that records `actor`."""
        return Triage(self.letters, self.publisher, self.journal, actor, new_run)

    def replay_tools(self) -> Tools:
        """Return the tools of a replay."""
        return Tools(self.reader, self.durables, self.publisher, self.journal, clock=time.monotonic)


def new_run() -> str:
    """Return an id for all actions of one command: its time, and a random suffix."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def actor() -> str:
    """Return the user who runs this command, for the audit log."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # In a container the user id may have no name.
        name = "unknown"
    return f"{name}@{socket.gethostname()}"


def build_letter_tools(
    settings: Settings, connection: Connection, pool: "asyncpg.Pool[Any]", no_history: str = ""
) -> DeadLetterTools:
    """Return the tools over open connections; `no_history` says why the database must not be used."""
    letters, journal = NatsLetters(connection), PostgresAuditLog(pool)
    return DeadLetterTools(
        letters=letters,
        durables=NatsAdmin(connection),
        publisher=NatsPublisher(connection, timeout_s=settings.publish_timeout_s),
        journal=journal,
        reader=LetterReader(letters, None if no_history else journal, now),
        predictor=build_predictor(settings, None if no_history else pool),
        no_history=no_history,
    )


@asynccontextmanager
async def letter_tools_session(settings: Settings, *, changing: bool) -> AsyncGenerator[DeadLetterTools]:
    """Yield the tools. Reading works without a database and warns about it; changing does not.

    Raises:
        Misconfigured: the database's schema is not current, and dead letters are to be changed.
        Unavailable: NATS can't be reached, or PostgreSQL if dead letters are to be changed.
    """
    async with nats_session(settings) as connection, postgres_session(settings) as pool:
        no_history = ""
        try:
            await require_current_schema(pool)
        except (Unavailable, Misconfigured) as error:
            if changing:
                raise _explained(error) from error
            no_history = str(error)
        yield build_letter_tools(settings, connection, pool, no_history)


def _explained(error: Unavailable | Misconfigured) -> Exception:
    text = f"{error}; this command needs the database at DATABASE_URL for the journal and the receipts"
    return type(error)(text)
