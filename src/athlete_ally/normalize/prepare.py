"""From a delivery to what it wants to store: pure, and the same whenever it is done again."""

from datetime import datetime

from athlete_ally.core import headers, topology
from athlete_ally.core.errors import InvalidMessage, InvalidReading
from athlete_ally.core.identity import message_id
from athlete_ally.core.measurement import Measurement, Rules
from athlete_ally.core.messages import Delivery
from athlete_ally.core.ports import Lot, Rejected
from athlete_ally.core.record import Arrival, Record
from athlete_ally.core.verdict import Reason

# A header may claim anything; this many readings of one byte each would fill a message.
_MOST_READINGS = topology.MAX_MESSAGE_BYTES


def prepare(measurement: Measurement, delivery: Delivery, rules: Rules) -> Lot:
    """Decode and normalise every reading of a delivery; what is invalid is rejected by itself."""
    try:
        readings, problems = measurement.decoder.decode_message(delivery.body)
    except InvalidMessage as error:
        return give_up(delivery, "schema-invalid", str(error))
    records: list[Record] = []
    rejected = {
        problem.index: Rejected(problem.index, "schema-invalid", f"{problem.field}: {problem.message}")
        for problem in reversed(problems)
    }
    arrival = _arrival(delivery)
    for index, reading in readings.items():
        try:
            records.append(measurement.normalise(reading, arrival, index, rules))
        except InvalidReading as error:
            rejected[index] = Rejected(index, "non-retryable", str(error))
    return Lot(
        message_id=arrival.message_id,
        stream=delivery.stream,
        sequence=delivery.sequence,
        readings=len(records) + len(rejected),
        received_at=arrival.received_at,
        records=tuple(records),
        rejected=tuple(rejected[index] for index in sorted(rejected)),
    )


def give_up(delivery: Delivery, reason: Reason, error: str) -> Lot:
    """Reject a whole message, unread."""
    declared = delivery.headers.get(headers.READINGS, "")
    readings = int(declared) if declared.isascii() and declared.isdigit() and 0 < int(declared) <= _MOST_READINGS else 1
    arrival = _arrival(delivery)
    return Lot(
        message_id=arrival.message_id,
        stream=delivery.stream,
        sequence=delivery.sequence,
        readings=readings,
        received_at=arrival.received_at,
        rejected=tuple(Rejected(index, reason, error) for index in range(readings)),
    )


def _arrival(delivery: Delivery) -> Arrival:
    """Return the lineage. A replayed dead letter keeps its first place in the order: it is no newer than it was."""
    original = delivery.headers.get(headers.ORIGINAL_SEQUENCE, "")
    return Arrival(
        message_id=identity_of(delivery),
        stream_sequence=int(original) if original.isascii() and original.isdigit() else delivery.sequence,
        received_at=_received_at(delivery),
    )


def identity_of(delivery: Delivery) -> str:
    """Return the message's id; a sender that gave none gets the id of its content."""
    return delivery.headers.get(headers.MSG_ID) or message_id(delivery.subject, delivery.body)


def _received_at(delivery: Delivery) -> datetime:
    """Return when ingest took the message, or, where it does not say so in a valid way, when the stream did."""
    try:
        stated = datetime.fromisoformat(delivery.headers.get(headers.CE_TIME, ""))
    except ValueError:
        return delivery.stored_at
    return stated if stated.tzinfo is not None else delivery.stored_at
