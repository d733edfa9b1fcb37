"""From a delivery to what it wants to store: pure, and the same whenever it is done again."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from athlete_ally.core.broker import topology
from athlete_ally.core.errors import InvalidMessage, InvalidReading
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import number, original_indexes
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.messages.parent import Parent, parent_of
from athlete_ally.core.messages.sender import sender_of
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.reading import split_message
from athlete_ally.core.readings.record import EARLIEST_CAPTURE, MAX_CLOCK_AHEAD, Arrival, Record
from athlete_ally.core.readings.sessions import Deletion, Removal, deletion_in
from athlete_ally.core.receipts import Rejected, StoreRequest
from athlete_ally.core.verdict import Reason

# A header may claim anything; no reading with its person and time is shorter than this.
_MOST_READINGS = topology.MAX_MESSAGE_BYTES // 50
# What any database column and any header of ours can hold.
_ID = re.compile(r"[!-~]{1,256}")
# A letter's identity holds that of its original.
_LETTER = re.compile(r"[!-~]{1,512}")


def prepare(measurement: Measurement, delivery: Delivery, rules: Rules) -> StoreRequest:
    """Decode and normalise every reading of a delivery; what is invalid is rejected by itself."""
    try:
        items = split_message(delivery.body)
    except InvalidMessage as error:
        return dead_lettered_whole(delivery, "schema-invalid", str(error))
    deletions = {index: each for index, item in enumerate(items) if (each := deletion_in(item)) is not None}
    readings, problems = measurement.decoder.decode_all(items)
    problems = [problem for problem in problems if problem.index not in deletions]
    indexes = _indexes(delivery, {*readings, *deletions, *(problem.index for problem in problems)})
    records: list[Record] = []
    rejected = {
        problem.index: Rejected(indexes[problem.index], "schema-invalid", f"{problem.field}: {problem.message}")
        for problem in reversed(problems)
    }
    arrival = _arrival(delivery)
    for index, reading in readings.items():
        try:
            records.append(measurement.normalise(reading, arrival, indexes[index], rules))
        except InvalidReading as error:
            rejected[index] = Rejected(indexes[index], "non-retryable", str(error))
    return StoreRequest(
        message_id=arrival.message_id,
        stream=delivery.stream,
        sequence=delivery.sequence,
        readings=len(records) + len(rejected) + len(deletions),
        received_at=arrival.received_at,
        stored_at=delivery.stored_at,
        removals=tuple(_removal(each, arrival, indexes[index]) for index, each in deletions.items()),
        records=tuple(records),
        rejected=tuple(rejected[index] for index in sorted(rejected)),
        replay_of=replay_of(delivery),
        traceparent=delivery.headers.get(headers.TRACEPARENT),
        parent=parent_of(delivery.headers),
        sender=sender_of(delivery.headers),
    )


def _removal(deletion: Deletion, arrival: Arrival, index: int) -> Removal:
    return Removal(
        deletion.user_id,
        deletion.source,
        deletion.session_id,
        deletion.start,
        deletion.end,
        # Nobody takes back what is not there yet: a clock that is ahead must not keep what comes away for ever.
        min(deletion.captured_at, arrival.received_at),
        arrival.stream_sequence,
        index,
    )


def dead_lettered_whole(delivery: Delivery, reason: Reason, error: str) -> StoreRequest:
    """Reject a whole message, unread."""
    declared = number(delivery.headers, headers.READINGS)
    readings = declared if declared is not None and 0 < declared <= _MOST_READINGS else 1
    arrival = _arrival(delivery)
    return StoreRequest(
        message_id=arrival.message_id,
        stream=delivery.stream,
        sequence=delivery.sequence,
        readings=readings,
        received_at=arrival.received_at,
        stored_at=delivery.stored_at,
        rejected=tuple(Rejected(index, reason, error) for index in range(readings)),
        replay_of=replay_of(delivery),
        traceparent=delivery.headers.get(headers.TRACEPARENT),
        parent=parent_of(delivery.headers),
        sender=sender_of(delivery.headers),
    )


def replay_of(delivery: Delivery) -> str | None:
    """Return the identity of the dead letter that a delivery replays; None where it replays none.

    Only the redrive lane counts, where nobody but an operator publishes: elsewhere the header may be anybody's, and
    believing it would keep a dead letter from being written.
    """
    lane = topology.redrive_subject(delivery.stream, delivery.consumer).removesuffix(">")
    stated = delivery.headers.get(headers.REPLAY_OF, "")
    return stated if delivery.subject.startswith(lane) and _LETTER.fullmatch(stated) else None


def parent_for(delivery: Delivery) -> Parent:
    """Return what is made from this delivery names as its parent: of a replay, the message as it first came."""
    first = number(delivery.headers, headers.ORIGINAL_SEQUENCE)
    first_id = delivery.headers.get(headers.ORIGINAL_MSG_ID, "")
    if replay_of(delivery) is not None and first is not None and _ID.fullmatch(first_id):
        return Parent(first_id, first)
    return Parent(identity_of(delivery), delivery.sequence)


def _indexes(delivery: Delivery, found: AbstractSet[int]) -> Sequence[int]:
    """Return the place of each reading in the original: of two with one key and capture time the later one wins."""
    readings = len(found)
    return original_indexes(delivery.headers, readings) if replay_of(delivery) else range(readings)


def _arrival(delivery: Delivery) -> Arrival:
    """Return the lineage. A replayed dead letter keeps its place in the order: a replay does not make it newer."""
    original = number(delivery.headers, headers.ORIGINAL_SEQUENCE)
    return Arrival(
        message_id=identity_of(delivery),
        stream_sequence=delivery.sequence if original is None else original,
        received_at=received_at(delivery),
    )


def identity_of(delivery: Delivery) -> str:
    """Return the message's id; a sender that gave none, or one that can't be kept, gets the id of its content."""
    stated = delivery.headers.get(headers.MSG_ID, "")
    return stated if _ID.fullmatch(stated) else message_id(delivery.subject, delivery.body)


def received_at(delivery: Delivery) -> datetime:
    """Return when ingest took the message, or, where it does not say so in a valid way, when the stream did."""
    try:
        stated = datetime.fromisoformat(delivery.headers.get(headers.CE_TIME, ""))
    except ValueError:
        return delivery.stored_at
    if stated.tzinfo is None or not EARLIEST_CAPTURE <= stated <= delivery.stored_at + MAX_CLOCK_AHEAD:
        return delivery.stored_at
    return stated
