"""Deciding about dead letters: state, selection, groups, masking, and the checksum of an export."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.audit_log import Attempt, AuditEntry, AuditNote
from athlete_ally.core.broker.topology import CORE_HOT, dead_letter_subject, normalize_durable, webhook_letter_subject
from athlete_ally.core.dry_run import DryRunResult
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import SHELVES, Letter, shelved_subject
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.receipts import Rejected
from athlete_ally.ops.dead_letters.editing import changed_fields, compact, set_fields
from athlete_ally.ops.dead_letters.export_file import Archive, read_archive
from athlete_ally.ops.dead_letters.grouping import Groups
from athlete_ally.ops.dead_letters.letter_state import LetterState, letter_state, replay_message
from athlete_ally.ops.dead_letters.masking import masked_body
from athlete_ally.ops.dead_letters.predictions import Predictor
from athlete_ally.ops.dead_letters.replay_progress import Progress
from athlete_ally.ops.dead_letters.selection import Selection, selection_of
from athlete_ally.ops.dead_letters.triage import as_exported, edited

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ARBITRARY_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


def letter(*readings: Any, sequence: int = 1, **stated: str) -> Letter:
    """Return a letter of HRV readings."""
    own = {
        headers.MSG_ID: f"dlq-m-{sequence}",
        headers.DLQ_REASON: "non-retryable",
        headers.DLQ_FINGERPRINT: "0123456789ab",
        headers.DLQ_AT: "2026-11-24T11:00:00+00:00",
        headers.ORIGINAL_STREAM: CORE_HOT,
        headers.ORIGINAL_SEQUENCE: "7",
        headers.ORIGINAL_CONSUMER: normalize_durable("hrv"),
        headers.READINGS: str(len(readings)),
    }
    named = {name.replace("_", "-"): value for name, value in stated.items()}
    body = json.dumps({"readings": readings}).encode()
    return Letter(sequence, dead_letter_subject("hrv", "non-retryable"), {**own, **named}, body, NOW)


def attempt(readings: int, *failed: int, number: int = 1) -> Attempt:
    """Return a replay after which readings at these indexes had failed again."""
    rejected = tuple(Rejected(index, "non-retryable", "rmssd: outside") for index in failed)
    return Attempt(f"redrive-{number}", NOW, readings, readings - len(failed), 0, rejected)


def test_what_is_left_of_a_letter() -> None:
    """
    After each replay only what failed again is left, byte for byte, named by its index in the original.
    """
    four = letter("a", "b", "c", "d", AA_Reading_Indexes="2,3,5,8")
    after = letter_state(four, [attempt(4, 3, 5, 8), attempt(3, 3, 8)])

    assert (after.replays, after.readings, after.remaining) == (2, 2, (1, 3))
    assert (after.current().body, after.current().headers[headers.READING_INDEXES]) == (
        b'{"readings":["b","d"]}',
        "3,8",
    )
    assert letter_state(four, [*after.attempts, attempt(2)]).is_done


@given(
    readings=st.integers(1, 6),
    stated=st.one_of(st.none(), st.lists(st.integers(0, 9), max_size=7)),
    failed=st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=4),
)
def test_a_letter_with_failures_is_never_done(readings: int, stated: list[int] | None, failed: list[list[int]]) -> None:
    """
    Whatever headers and receipts say, a letter is kept until a replay left nothing, and can be replayed until then.
    """
    more: dict[str, Any] = {} if stated is None else {"AA_Reading_Indexes": ",".join(map(str, stated))}
    each = letter_state(letter(*range(readings), **more), [attempt(8, *set(indexes)) for indexes in failed])

    assert each.is_done == any(not indexes for indexes in failed)
    assert each.is_done or replay_message(each).body


def test_a_replay_is_named_by_letter_and_number() -> None:
    """
    The id of a replay is the same until it came to an end, then another one; its copy on a shelf makes the same.
    """
    one = letter("a")
    moved = Letter(
        9, shelved_subject(one.subject, "resolved"), {**one.headers, headers.DLQ_LETTER: one.identity}, b"", NOW
    )
    first, again = letter_state(one).next_message_id, letter_state(one).next_message_id

    assert first == again == letter_state(moved).next_message_id
    assert first != letter_state(one, [attempt(1, 0)]).next_message_id
    assert letter_state(letter("a", sequence=2)).next_message_id != first


def test_a_replay_goes_to_the_durable_that_failed() -> None:
    """
    It is published on the redrive lane, names its letter, and carries nothing that would act on the stream.
    """
    message = replay_message(letter_state(letter("a", Nats_Expected_Stream="AA_DLQ", ce_time="t")))

    assert (message.stream, message.subject) == (CORE_HOT, "athlete-ally.redrive.normalize-hrv-durable.letter")
    assert {
        headers.REPLAY_OF: "dlq-m-1",
        "ce-time": "t",
        headers.ORIGINAL_SEQUENCE: "7",
    }.items() <= message.headers.items()
    assert [name for name in message.headers if name.lower().startswith(("nats-", "aa-dlq-"))] == []


def test_an_export_carries_what_is_left_and_its_count() -> None:
    """
    A replayed letter leaves with the readings that are left and its count; its identity is another one, since the
    receipts of the old one say nothing of it.
    """
    exported = as_exported(letter_state(letter("a", "b"), [attempt(2, 1)]))

    assert (exported.body, exported.replays, exported.readings) == (b'{"readings":["b"]}', 1, 1)
    assert exported.identity != letter("a", "b").identity
    assert as_exported(letter_state(letter("a"))) == letter("a")


@pytest.mark.parametrize("shelf", SHELVES)
def test_a_shelf_is_part_of_the_subject(shelf: Any) -> None:
    """
    A letter's kind and waiting subject are the same on every shelf.
    """
    waiting = letter("a")
    on_shelf = Letter(2, shelved_subject(waiting.subject, shelf), waiting.headers, b"", NOW)

    assert (on_shelf.shelf, on_shelf.kind, on_shelf.waiting_subject) == (shelf, "hrv", waiting.subject)


def test_a_selection_survives_the_journal() -> None:
    """
    What a run was begun with is what it is resumed with.
    """
    selection = Selection(
        "quarantine",
        frozenset({3, 1}),
        reason="max-deliver",
        kind="hrv",
        older_than=timedelta(hours=2),
        subject="dlq.*",
    )

    assert selection == selection_of(json.loads(json.dumps(selection.document())))


def test_groups_stay_few() -> None:
    """
    A sender with a fingerprint for each letter gets a thousand groups and one for all the others.
    """
    groups = Groups(NOW)
    for number in range(3000):
        groups.add(letter("a", AA_DLQ_Fingerprint=f"{number:012x}"))
    largest = groups.largest()

    assert (len(largest), largest[0].fingerprint, largest[0].letters, groups.letters) == (1001, "others", 2000, 3000)


def test_a_group_knows_its_last_day_by_the_hour() -> None:
    """
    Arrivals are counted in the hour in which they came; older ones are in the totals only.
    """
    groups = Groups(NOW)
    for at in ("11:30:00", "11:59:00", "01:00:00"):
        groups.add(letter("a", AA_DLQ_At=f"2026-11-24T{at}+00:00"))
    groups.add(letter("a", AA_DLQ_At="2026-11-01T00:00:00+00:00"))
    (group,) = groups.largest()

    assert (group.letters, group.by_hour[-1], group.by_hour[12], sum(group.by_hour)) == (4, 2, 1, 3)


def test_a_group_counts_its_letters_by_sender() -> None:
    """
    The sender of the most letters comes first, a vendor's letter is the vendor's, and beyond a hundred senders the rest
    are counted together.
    """
    groups = Groups(NOW)
    for number in range(150):
        groups.add(letter("a", AA_Client=f"key:{number:03}"))
    groups.add(letter("a", AA_Client="key:007"))
    groups.add(letter("a"))
    webhook = replace(letter("a"), subject=webhook_letter_subject("whoop", "schema-invalid"))
    (group,) = groups.largest()
    senders = group.largest_senders()

    assert list(senders[:3]) == [("others", 51), ("key:007", 2), ("key:000", 1)]
    assert (len(senders), webhook.sender) == (101, "vendor:whoop")


def test_letters_are_selected_by_sender() -> None:
    """
    Only those that name the sender are taken; a letter that names none is of `unknown`.
    """
    by_key, by_nobody = letter("a", AA_Client="key:clinic"), letter("a")

    assert [Selection(sender="key:clinic").takes(each, NOW) for each in (by_key, by_nobody)] == [True, False]
    assert Selection(sender="unknown").takes(by_nobody, NOW)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(10_000, 99_999), st.just("secret value of a person")),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=30,
)


@given(document=JSON)
def test_masking_shows_no_value(document: Any) -> None:
    """
    Of no value anything is left but its type and size, however deep it is.
    """
    shown = masked_body(json.dumps({"readings": [document]}).encode())

    assert ("secret" in shown, any(digits in shown for digits in map(str, range(10_000, 10_050)))) == (False, False)


LETTERS = st.lists(
    st.builds(
        Letter,
        sequence=st.integers(1, 10**12),
        subject=ARBITRARY_TEXT,
        headers=st.dictionaries(ARBITRARY_TEXT, ARBITRARY_TEXT, max_size=3),
        body=st.binary(max_size=60),
        stored_at=st.just(NOW),
    ),
    max_size=5,
)


def archived(letters: Sequence[Letter]) -> list[bytes]:
    """Return the lines of an export."""
    archive = Archive(NOW)
    return [archive.head(), *(archive.line(each) for each in letters), archive.trailer()]


@given(letters=LETTERS)
def test_an_export_is_read_back(letters: list[Letter]) -> None:
    """
    Whatever a letter holds comes back byte for byte.
    """
    assert letters == list(read_archive(archived(letters)))


@given(letters=LETTERS, at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(letters: list[Letter], at: int, bit: int) -> None:
    """
    One bit that differs anywhere makes an export invalid.
    """
    whole = bytearray(b"".join(archived(letters)))
    whole[at % len(whole)] ^= 1 << bit
    with pytest.raises(InvalidMessage):
        assert list(read_archive(bytes(whole).splitlines(keepends=True))) == letters
        raise InvalidMessage("the bit was in a place that says nothing")


def test_fields_are_set_and_removed_by_name() -> None:
    """
    A value is JSON where it can be, else text; nothing after = removes; what changed is told without values.
    """
    old = json.dumps({"readings": [{"a": 1, "b": 2}, {"a": 1}]}).encode()
    new = set_fields(old, 0, ["a=2.5", "b=", "c=x y"])

    assert json.loads(new) == {"readings": [{"a": 2.5, "c": "x y"}, {"a": 1}]}
    assert (changed_fields(old, new), changed_fields(old, compact(old))) == (["0.a", "0.b", "0.c"], [])


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b'{"readings": 1}', b'{"readings": []}', b'{"readings": [1]}'])
def test_what_can_not_be_edited_by_name(body: bytes) -> None:
    """
    A body without a reading of fields is refused.
    """
    with pytest.raises(InvalidMessage):
        set_fields(body, 0, ["a=1"])


def test_an_edit_keeps_the_number_of_readings() -> None:
    """
    A correction changes values; losing a reading, or adding one, is none.
    """
    with pytest.raises(InvalidMessage, match="change values only"):
        edited(letter("a", "b"), b'{"readings": [1]}')


async def test_predictions_add_up() -> None:
    """
    Passing, failing and unknown letters are counted by themselves, with the commonest failure first; each keeps its
    place though those of one durable share a dry run.
    """

    async def dry_run(deliveries: Sequence[Delivery]) -> list[DryRunResult]:
        errors = [str(json.loads(each.body)["readings"][0]) for each in deliveries]
        rejected = [() if error == "good" else (Rejected(0, "non-retryable", error),) for error in errors]
        return [DryRunResult(ignored=1, rejected=some) for some in rejected]

    async def found() -> AsyncIterator[LetterState]:
        for value in ("good", "bad", "bad", "worse"):
            yield letter_state(letter(value))
        yield letter_state(letter("good", AA_Original_Consumer="analytics"))
        yield letter_state(letter("good"), [attempt(1)])
        yield letter_state(letter("a", "b"), [attempt(2, 0), attempt(1, 7)])

    tally = await Predictor({normalize_durable("hrv"): dry_run}).tally(found())

    assert (tally.letters, tally.passing, tally.letters_failing, tally.unknown) == (6, 1, 4, 1)
    assert (tally.failing, tally.ignored, tally.commonest_unknowns()) == (
        4,
        5,
        [("analytics is no durable of ours", 1)],
    )
    assert tally.commonest_failures()[0] == ("non-retryable", "bad", 2)


def test_a_replay_is_taken_up_where_its_journal_ends() -> None:
    """
    What was settled counts with its outcome, what failed again stays, and what was only published is in flight.
    """
    lines: list[tuple[str, int | None, dict[str, Any]]] = [
        ("started", None, {}),
        *(("published", sequence, {"message_id": f"m-{sequence}"}) for sequence in (1, 2, 3)),
        ("settled", 1, {"stored": 1, "superseded": 0, "failed": 0}),
        ("settled", 2, {"stored": 0, "superseded": 0, "failed": 1}),
        # A letter of which nothing was left is settled without having been published.
        ("settled", 9, {"stored": 0, "superseded": 0, "failed": 0}),
    ]
    notes = [AuditNote("run", "ada", "replay", step, None, sequence, details) for step, sequence, details in lines]
    progress = Progress("run", wanted=5)
    unacknowledged = progress.take_up([AuditEntry(number, NOW, note) for number, note in enumerate(notes)])

    assert list(unacknowledged) == [3]
    assert (progress.published, progress.settled, progress.in_flight) == (4, 3, 1)
    assert (progress.removed, progress.failed, progress.stored, progress.failed_readings) == (2, 1, 1, 1)
