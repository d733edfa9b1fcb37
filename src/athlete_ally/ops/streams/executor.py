"""Carries a plan out: one call for each object, looked at before and after, and in the journal. Deletes nothing."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from athlete_ally.core.broker.state import LiveDurable, LiveStream
from athlete_ally.core.errors import AthleteAllyError, NotVerified, StalePlan, Unavailable
from athlete_ally.ops.streams.broker import Broker
from athlete_ally.ops.streams.change_log import ChangeLog, Outcome
from athlete_ally.ops.streams.deletion_forecast import DeletionForecast
from athlete_ally.ops.streams.difference import Wanted, differences, merged
from athlete_ally.ops.streams.plan import Change, Plan, Step
from athlete_ally.ops.streams.planner import sha256_of_live


@dataclass(frozen=True, slots=True)
class Done:
    """One object that is now as wanted."""

    wanted: Wanted
    created: bool
    deleted: int


async def carry_out(broker: Broker, plan: Plan, journal: ChangeLog) -> AsyncGenerator[Done]:
    """Do what the plan says, in its order, and yield each object that is done. May be interrupted after any.

    The caller has the permission for everything in it.

    Raises:
        StalePlan: an object is not as it was when the plan was made; what was yielded is done, the rest is not.
        Refused: the server says no; the same holds.
        NotVerified: a change was made, and the server shows something else than what was meant.
        Unavailable: no answer; the change in progress may have been made or not. Plan again.
    """
    for step in plan.steps:
        changes = [change for change in plan.changes if change.name == step.wanted.name]
        yield await _carry_out(broker, step, changes, journal)


async def _carry_out(broker: Broker, step: Step, changes: list[Change], journal: ChangeLog) -> Done:
    wanted = step.wanted
    before = await live_of(broker, wanted)
    if sha256_of_live(before) != step.live_sha256:
        raise StalePlan(f"{wanted.what} {wanted.name} was changed since the plan was made: make a new plan")
    # What would have gone by itself within a minute is no loss of ours.
    due = await _due(broker, before)
    outcome = Outcome(wanted.what, wanted.name, wanted.stream, before and dict(before.config), wanted.config)
    journal.begin(outcome)
    try:
        await _change(broker, wanted, before)
        after = await live_of(broker, wanted)
        deleted = _verify(wanted, before, after, changes, due)
    except AthleteAllyError as error:
        journal.end(outcome, result="unknown" if isinstance(error, Unavailable) else "failed", detail=str(error))
        raise
    journal.end(outcome, result="done", detail="", deleted=deleted)
    return Done(wanted, created=before is None, deleted=deleted)


async def live_of(broker: Broker, wanted: Wanted) -> LiveStream | LiveDurable | None:
    """Return what there is now of something that is wanted."""
    if wanted.what == "stream":
        return await broker.stream(wanted.name)
    return await broker.durable(wanted.stream, wanted.name)


async def _due(broker: Broker, before: LiveStream | LiveDurable | None) -> int:
    if not isinstance(before, LiveStream):
        return 0
    loss = await DeletionForecast(broker, before, ()).older_than(int(before.config.get("max_age", 0)), soon=True)
    return loss.messages


async def _change(broker: Broker, wanted: Wanted, before: LiveStream | LiveDurable | None) -> None:
    match before:
        case None if wanted.what == "stream":
            await broker.create_stream(wanted.config)
        case None:
            await broker.create_durable(wanted.stream, wanted.config)
        case LiveStream():
            await broker.update_stream(merged(wanted.config, before.config))
        case LiveDurable():
            await broker.update_durable(wanted.stream, merged(wanted.config, before.config))


def _verify(
    wanted: Wanted,
    before: LiveStream | LiveDurable | None,
    after: LiveStream | LiveDurable | None,
    changes: list[Change],
    due: int,
) -> int:
    """Return how many messages are gone.

    Raises:
        NotVerified: the server shows something else than what was meant, or lacks messages that were to stay.
    """
    if after is None:
        raise NotVerified(f"{wanted.what} {wanted.name} is not there after it was made")
    left = differences(wanted.config, after.config)
    if left:
        fields = ", ".join(f"{each.field} is {each.before!r}" for each in left)
        raise NotVerified(f"{wanted.what} {wanted.name}: after the change {fields}")
    if not isinstance(before, LiveStream) or not isinstance(after, LiveStream):
        return 0
    deleted = max(0, before.messages - after.messages)
    # Where loss was allowed, it was shown before; a stream that forgets makes room for what arrives.
    may_lose = any(change.danger == "destructive" for change in changes) or after.config["discard"] == "old"
    if deleted > due and not may_lose:
        raise NotVerified(
            f"stream {wanted.name} has {after.messages:,} messages after the change, and had {before.messages:,}: "
            "look at it now, and at who else works on it"
        )
    return deleted
