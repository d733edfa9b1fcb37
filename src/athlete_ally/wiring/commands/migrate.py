"""Bringing the schema of the configured database up to date."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from athlete_ally.adapters.postgres.migrate import migrate, pending
from athlete_ally.config.settings import Settings
from athlete_ally.wiring.commands.session import postgres_session


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: the number and the name of its file, and its text."""

    version: int
    name: str
    sql: str


async def migrate_schema(settings: Settings, *, only_plan: bool, tell: Callable[[str], None]) -> Sequence[Step]:
    """Run what is missing and return it; with `only_plan`, return what would run. `tell` hears who holds it up.

    Raises:
        Misconfigured: the schema is newer than this version, an applied migration was edited, or one fails.
        Unavailable: PostgreSQL can't be reached, or somebody holds a table that has to change.
    """
    async with postgres_session(settings) as pool:
        found = await pending(pool) if only_plan else await migrate(pool, tell=tell)
    return [Step(each.version, each.name, each.sql) for each in found]
