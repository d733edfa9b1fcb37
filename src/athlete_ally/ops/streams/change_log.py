"""The journal: what was changed, by whom, from what to what. One JSON object on each line, two for each change."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from athlete_ally.core.broker.state import metadata_of
from athlete_ally.core.errors import Misconfigured
from athlete_ally.ops.streams.difference import Wanted, What, without_servers_own

Result = Literal["begun", "done", "failed", "unknown"]


class Outcome(Struct, frozen=True):
    """An object, before and after; `before` is None where it was created."""

    what: What
    name: str
    stream: str
    before: dict[str, Any] | None
    after: dict[str, Any]


class ChangeLogEntry(Struct, frozen=True):
    """One line. All lines of one `apply` have the same `run`."""

    run: str
    at: str
    who: str
    host: str
    environment: str
    account: str
    cluster: str
    plan: str
    result: Result
    change: Outcome
    deleted: int = 0
    detail: str = ""


class ChangeLog(Protocol):
    """Keeps notes; a note is on disk when the method returns."""

    def begin(self, change: Outcome) -> None:
        """Note that a change is about to be made."""
        ...

    def end(self, change: Outcome, *, result: Result, detail: str, deleted: int = 0) -> None:
        """Record its outcome."""
        ...


def decode(lines: Iterable[bytes]) -> list[ChangeLogEntry]:
    """Return the entries that these lines are.

    Raises:
        Misconfigured: a line is none.
    """
    try:
        return [msgspec.json.decode(line, type=ChangeLogEntry) for line in lines]
    except msgspec.DecodeError as error:
        raise Misconfigured(f"a line of the journal is not one of its entries: {error}") from error


def undo(entries: Iterable[ChangeLogEntry], run: str) -> tuple[list[Wanted], list[str]]:
    """Return what has to be wanted to undo a run, newest first, and what can't be undone.

    Raises:
        Misconfigured: the journal has no such run, or nothing was changed in it.
    """
    changed = [entry for entry in entries if entry.run == run and entry.result in {"done", "unknown", "failed"}]
    if not changed:
        raise Misconfigured(f"the journal has no change with the id {run}: `athlete-ally streams journal` lists them")
    wanted = [_towards(entry.change, entry.change.before) for entry in changed[::-1] if entry.change.before is not None]
    return wanted, _losses(changed)


def _towards(change: Outcome, before: dict[str, Any]) -> Wanted:
    config = {**before, "metadata": without_servers_own(metadata_of(before))}
    return Wanted(change.what, change.name, change.stream, config)


def _losses(changed: Sequence[ChangeLogEntry]) -> list[str]:
    made = [
        f"{entry.change.what} {entry.change.name} was created and stays: nothing here deletes a stream or durable"
        for entry in changed
        if entry.change.before is None
    ]
    gone = [
        f"{entry.deleted:,} messages of {entry.change.name} were deleted and don't come back: restore a backup"
        for entry in changed
        if entry.deleted
    ]
    return [*made, *gone]
