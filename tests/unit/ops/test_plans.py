"""Plans as values: what has to be allowed, what is said, and what can be taken back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from athlete_ally.core.broker.topology import build_topology
from athlete_ally.core.errors import Misconfigured, Refused
from athlete_ally.measurements import KINDS
from athlete_ally.ops.streams.change_log import ChangeLogEntry, Outcome, undo
from athlete_ally.ops.streams.deletion_forecast import Loss
from athlete_ally.ops.streams.difference import Wanted, differences, merged, wanted_of
from athlete_ally.ops.streams.effect import Danger, loss_text
from athlete_ally.ops.streams.fields import FIELDS
from athlete_ally.ops.streams.permission import Permission, require_permission
from athlete_ally.ops.streams.plan import SCHEMA, Change, Plan, Target, decode, encode
from athlete_ally.ops.streams.stream_effects import RULES
from athlete_ally.vendors import FETCHED, VENDORS

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = frozenset({"S:max_age"})


def plan(danger: Danger) -> Plan:
    """Return a plan with one change."""
    change = Change("stream", "S", "max_age", 2, 1, danger, "a reason", "a remedy")
    return Plan(SCHEMA, "dev", "", Target("", "", ""), "", [], [change], [], [])


@pytest.mark.parametrize(
    ("danger", "permission", "allowed"),
    [
        ("safe", Permission(), True),
        ("service-affecting", Permission(), True),
        ("destructive", Permission(), False),
        ("destructive", Permission(without_backup=True), False),
        ("destructive", Permission(data_loss=KEY), False),
        ("destructive", Permission(data_loss=frozenset({"S:max_bytes"}), without_backup=True), False),
        ("destructive", Permission(data_loss=KEY, without_backup=True), True),
        ("destructive", Permission(data_loss=KEY, verified_backups={"S": NOW - timedelta(minutes=59)}), True),
        ("destructive", Permission(data_loss=KEY, verified_backups={"S": NOW - timedelta(minutes=61)}), False),
        ("destructive", Permission(data_loss=KEY, verified_backups={"S": NOW + timedelta(minutes=1)}), False),
        ("destructive", Permission(data_loss=KEY, verified_backups={"T": NOW}), False),
        ("one-way", Permission(data_loss=KEY, without_backup=True), False),
        ("one-way", Permission(one_way=KEY), True),
        ("impossible", Permission(data_loss=KEY, one_way=KEY, impact=KEY, without_backup=True), False),
    ],
)
def test_what_has_to_be_allowed(danger: Danger, permission: Permission, allowed: bool) -> None:  # noqa: FBT001  # a column
    """
    What deletes needs its name and a backup of the last hour; what can't be undone its name; nothing makes up for more.
    """
    try:
        require_permission(plan(danger), permission, NOW)
        found = True
    except Refused as refusal:
        found = False
        assert "S:max_age" in str(refusal)

    assert allowed == found


def test_a_plan_survives_its_file() -> None:
    """
    What is read is what was written, and a file of another version is refused.
    """
    made = plan("destructive")

    assert made == decode(encode(made))
    with pytest.raises(ValueError, match="schema 99"):
        decode(encode(made).replace(b'"schema": 1', b'"schema": 99'))


def test_a_loss_is_said_in_numbers() -> None:
    """
    How many of how many, since when, and who still needs them; an estimate is called one.
    """
    exact = Loss(1_812_334, 3_020_557, True, "2026-11-02T03:04:05+00:00", {"normalize-hrv-durable": 41_210})

    assert loss_text(exact) == (
        "would delete 1,812,334 of 3,020,557 messages (oldest 2026-11-02), "
        "41,210 of them not yet acknowledged by normalize-hrv-durable"
    )
    assert loss_text(Loss(7, 9, False, None, {})) == "would delete about 7 of 9 messages"


@pytest.mark.parametrize(
    ("wanted", "live", "fields"),
    [
        ({"a": False, "b": 0, "c": []}, {}, []),
        ({"subjects": ["x", "y"]}, {"subjects": ["y", "x"]}, []),
        ({"max_age": 5}, {"max_age": 6}, ["max_age"]),
        ({}, {"anything": "of theirs"}, []),
        ({"metadata": {"owner": "a"}}, {"metadata": {"owner": "a", "_nats.ver": "2", "team": "b"}}, []),
        ({"metadata": {"owner": "a"}}, {"metadata": {"owner": "b"}}, ["metadata"]),
        ({"metadata": {"owner": "a"}}, {"metadata": {"owner": "a", "athlete-ally.old": "1"}}, ["metadata"]),
    ],
)
def test_only_what_is_wanted_is_compared(wanted: dict[str, Any], live: dict[str, Any], fields: list[str]) -> None:
    """
    Absent is the same as empty, order does not matter, and other people's notes are theirs.
    """
    assert fields == [each.field for each in differences(wanted, live)]


def test_an_update_keeps_what_it_does_not_speak_of() -> None:
    """
    The server replaces all: what is not ours goes back as it was, without the server's own notes, which it refuses.
    """
    live = {"max_age": 6, "republish": {"src": ">"}, "metadata": {"team": "b", "_nats.ver": "2", "owner": "old"}}

    assert merged({"max_age": 5, "metadata": {"owner": "new"}}, live) == {
        "max_age": 5,
        "republish": {"src": ">"},
        "metadata": {"team": "b", "owner": "new"},
    }


def entry(result: Any, before: dict[str, Any] | None, deleted: int = 0, run: str = "r1") -> ChangeLogEntry:
    """Return one line of a journal."""
    change = Outcome("stream", "S", "S", before, {"max_age": 1})
    return ChangeLogEntry(run, "", "me", "here", "dev", "", "", "", result, change, deleted)


def test_what_was_done_can_be_wanted_back() -> None:
    """
    The way back is the state before; what was created stays, and what was deleted is named as lost.
    """
    before = {"max_age": 2, "metadata": {"_nats.ver": "2", "owner": "a"}}
    wanted, lost = undo([entry("begun", before), entry("done", before, 7), entry("done", None)], "r1")

    assert [Wanted("stream", "S", "S", {"max_age": 2, "metadata": {"owner": "a"}})] == wanted
    assert ["was created and stays" in lost[0], "7 messages of S" in lost[1]] == [True, True]


def test_a_run_that_changed_nothing_has_no_way_back() -> None:
    """
    An id that the journal does not know is an error.
    """
    with pytest.raises(Misconfigured, match="no change with the id r2"):
        undo([entry("done", {})], "r2")


def test_every_field_is_explained() -> None:
    """
    `streams explain` knows every field that we set or that a plan compares.
    """
    wanted = wanted_of(build_topology(KINDS, VENDORS, fetched=FETCHED))
    ours = {(each.what, field) for each in wanted for field in each.config}
    known = {(note.what, note.name) for note in FIELDS}

    assert (set(), set()) == (ours - known, {("stream", field) for field in RULES} - known)
