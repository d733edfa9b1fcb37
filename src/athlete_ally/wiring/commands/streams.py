"""The objects that the commands on streams use: broker, environment and desired state."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from athlete_ally.adapters.files.backup_proof import verified_backups
from athlete_ally.adapters.files.change_log_file import ChangeLogFile, read_journal
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.errors import Misconfigured
from athlete_ally.ops.streams.change_log import ChangeLogEntry, decode
from athlete_ally.ops.streams.difference import Wanted, wanted_of
from athlete_ally.ops.streams.executor import Done, carry_out
from athlete_ally.ops.streams.plan import Plan
from athlete_ally.ops.streams.planner import make_plan
from athlete_ally.wiring.builders import desired_topology, now
from athlete_ally.wiring.commands.session import nats_session


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed, and the id of the run in the change log."""

    run: str
    done: list[Done]


def required_environment(settings: Settings) -> EnvironmentSpec:
    """Return the environment; the limits of dev are built in, those of others come from a file.

    Raises:
        Misconfigured: there is no file, or it is invalid.
    """
    if settings.environment_file is None and settings.environment != "dev":
        name = settings.environment
        raise Misconfigured(
            f"AA_ENVIRONMENT_FILE: required when AA_ENVIRONMENT is {name}, since it holds the limits; "
            f"name it with --environment-file, for example deploy/environments/{name}.toml"
        )
    return environment_of(settings)


def wanted_by(settings: Settings) -> tuple[Wanted, ...]:
    """Return all streams and durables of the environment, including those of the configured senders of webhooks.

    Raises:
        Misconfigured: the file of the environment is invalid.
    """
    return wanted_of(desired_topology(settings))


@asynccontextmanager
async def broker_session(settings: Settings) -> AsyncGenerator[NatsBroker]:
    """Yield the broker.

    Raises:
        Unavailable: there is no connection to the server at NATS_URL.
    """
    async with nats_session(settings) as connection:
        yield NatsBroker(connection)


async def plan_for(settings: Settings, wanted: Sequence[Wanted] | None = None) -> Plan:
    """Make a plan towards the desired state of the environment, or towards another one. Read-only.

    Raises:
        WrongTarget: the server is not that of the environment.
        Unavailable: no answer.
    """
    spec = required_environment(settings)
    async with broker_session(settings) as broker:
        ours = wanted_by(settings)
        return await make_plan(broker, spec, ours if wanted is None else wanted, now(), (each.name for each in ours))


async def carry_out_plan(settings: Settings, plan: Plan) -> Applied:
    """Apply a plan and record it in the change log. The caller has checked the permission.

    Raises:
        StalePlan, Refused, NotVerified, Unavailable: see `ops.streams.executor.carry_out`.
    """
    about = {
        "environment": plan.environment,
        "account": plan.target.account,
        "cluster": plan.target.cluster,
        "plan": plan.fingerprint,
    }
    journal = ChangeLogFile(settings.streams_journal, now, about)
    async with broker_session(settings) as broker:
        return Applied(journal.run, [done async for done in carry_out(broker, plan, journal)])


def change_log(settings: Settings) -> list[ChangeLogEntry]:
    """Return what `apply` and `rollback` changed, oldest first.

    Raises:
        Misconfigured: the file of the journal can't be read.
    """
    return decode(read_journal(settings.streams_journal))


def proven_backups(folders: Iterable[Path]) -> Mapping[str, datetime]:
    """Return, for each stream, when the newest backup was made that was proven good.

    Raises:
        Misconfigured: a folder has no readable manifest.
    """
    return verified_backups(folders)
