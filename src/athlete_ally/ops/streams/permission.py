"""What a person has to allow before a plan is carried out, and what nobody can allow. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from athlete_ally.core.errors import Refused
from athlete_ally.ops.streams.plan import Change, Plan

# Long enough to verify a backup of a large stream and to think; short enough to hold what arrived since.
_BACKUP_GOOD_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Permission:
    """What was allowed, as `STREAM:field`; `verified_backups` says from when a backup is that was proven good."""

    data_loss: frozenset[str] = frozenset()
    one_way: frozenset[str] = frozenset()
    impact: frozenset[str] = frozenset()
    without_backup: bool = False
    verified_backups: Mapping[str, datetime] = field(default_factory=dict[str, datetime])


def require_permission(plan: Plan, permission: Permission, now: datetime) -> None:
    """Return when nothing in the plan is impossible, and everything dangerous was allowed by name.

    Raises:
        Refused: something is not; the text names each change and what would allow it.
    """
    problems = [problem for change in plan.changes if (problem := _problem(change, permission, now))]
    if problems:
        raise Refused("nothing was changed\n" + "\n".join(f"  {problem}" for problem in problems))


def _problem(change: Change, permission: Permission, now: datetime) -> str | None:
    match change.danger:
        case "impossible":
            return f"{change.key}: {change.reason}; {change.remedy}"
        case "one-way" if change.key not in permission.one_way:
            return f"{change.key} can't be undone: {change.reason}; allow it with --allow-one-way {change.key}"
        case "destructive" if change.key not in permission.data_loss:
            return f"{change.key}: {change.reason}; allow it with --allow-data-loss {change.key}"
        case "destructive":
            return _backup_problem(change, permission, now)
        case _:
            return None


def _backup_problem(change: Change, permission: Permission, now: datetime) -> str | None:
    made_at = permission.verified_backups.get(change.name)
    if permission.without_backup or (made_at and timedelta(0) <= now - made_at <= _BACKUP_GOOD_FOR):
        return None
    found = "there is none" if made_at is None else f"the last was made at {made_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{change.key} needs a verified backup of the last hour, and {found}: name its folder with --backup, "
        "or say --no-backup-i-accept-the-loss"
    )
