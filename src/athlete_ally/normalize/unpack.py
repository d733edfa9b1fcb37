"""From a webhook, or a document that it led to, to messages for the kinds: pure, and the same if done again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from athlete_ally.core.broker import topology
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import derived_id, fingerprint, message_id
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.messages.parent import parent_headers
from athlete_ally.core.messages.sender import vendor_sender
from athlete_ally.core.messages.trace import handed_on
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.reading import Reading, encode_messages
from athlete_ally.core.readings.sessions import deletion_in
from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import NOTHING, Deleted, Found, Renamed, Unpacked, UnpackResult, Webhook
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.core.verdict import Reason
from athlete_ally.normalize.dead_letters import copied_headers, listed, printable, shape_of, why_and_whence
from athlete_ally.normalize.prepare import parent_for


@dataclass(frozen=True, slots=True)
class Failed:
    """An item of a webhook that goes to AA_DLQ, and why."""

    index: int
    reason: Reason
    error: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """What follows from a webhook: messages to publish, how many readings they hold, and what could not be used."""

    messages: tuple[OutgoingMessage, ...] = ()
    readings: int = 0
    resources: int = 0
    withdrawn: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    failed: tuple[Failed, ...] = ()

    @property
    def result(self) -> UnpackResult:
        """What the webhook is counted under: the worst of what is in it."""
        reasons = {each.reason for each in self.failed}
        for reason, result in _WORST_FIRST:
            if reason in reasons:
                return result
        if self.readings:
            return "unpacked"
        if self.resources:
            return "named"
        return "withdrawn" if self.withdrawn else "ignored"


# The database numbers grants from 1.
_NO_GRANT = 0
_WORST_FIRST: tuple[tuple[Reason, UnpackResult], ...] = (
    ("max-deliver", "dlq"),
    ("non-retryable", "dlq"),
    ("schema-invalid", "schema_invalid"),
    ("unknown-account", "unknown_account"),
)


def open_webhook(vendor: Vendor, delivery: Delivery, received_at: datetime) -> Unpacked | Parcel:
    """Return what a webhook holds, or what follows from one that can't be read."""
    try:
        return vendor.unpack(Webhook(delivery.body, delivery.headers, received_at))
    except InvalidMessage as error:
        return Parcel(failed=(Failed(0, "schema-invalid", str(error)),))


def grant_of(delivery: Delivery) -> int | None:
    """Return with which permission a document was fetched; None for a webhook.

    The header tells them apart, not the subject: a document that is replayed comes on the redrive lane.
    """
    stated = delivery.headers.get(headers.GRANT)
    if stated is None:
        return None
    # Beyond nine digits is no number of ours, and would not fit into the database's.
    return int(stated) if re.fullmatch("[0-9]{1,9}", stated) else _NO_GRANT


def open_document(vendor: Vendor, delivery: Delivery, owner: Account | None, at: datetime) -> Unpacked | Parcel:
    """Return what a fetched document holds, or what follows from one that can't be read, or is nobody's."""
    if owner is None:
        return Parcel(failed=(Failed(0, "unknown-account", "the permission that it was fetched with is not there"),))
    if vendor.api is None:
        return NOTHING
    kind = delivery.headers.get(headers.RESOURCE_TYPE, "")
    try:
        return vendor.api.read(Document(kind, owner.account, delivery.body, at))
    except InvalidMessage as error:
        return Parcel(failed=(Failed(0, "schema-invalid", str(error)),))


def sort_out(
    unpacked: Unpacked, people: Mapping[str, str], kinds: Mapping[str, Measurement], delivery: Delivery, at: datetime
) -> Parcel:
    """Return one message for each person and kind, and what could not be used.

    The id of a message is its content's: the same readings are the same message, however often and in whichever webhook
    they come, and a fixed mapping makes another one.
    """
    failed = [Failed(each.index, "schema-invalid", each.error) for each in unpacked.unusable]
    groups: dict[tuple[str, str], list[Reading]] = {}
    for found in unpacked.found:
        outcome = _reading(found, people, kinds)
        if isinstance(outcome, Failed):
            failed.append(outcome)
        elif outcome is not None:
            groups.setdefault((found.kind, outcome.user_id), []).append(outcome)
    messages = [
        message
        for (kind, _), readings in groups.items()
        for message in (
            _message(kind, body, count, delivery, at)
            for body, count in encode_messages(readings, topology.MAX_BODY_BYTES)
        )
    ]
    gone = [_deletion(each, people) for each in unpacked.deleted]
    failed += [each for each in gone if isinstance(each, Failed)]
    taken_back = [(kind, body) for kind, body in (each for each in gone if not isinstance(each, Failed))]
    messages += [_message(kind, body, 1, delivery, at) for kind, body in taken_back]
    return Parcel(
        messages=tuple(messages),
        readings=sum(map(len, groups.values())) + len(taken_back),
        resources=len(unpacked.resources),
        withdrawn=unpacked.withdrawn,
        renamed=unpacked.renamed,
        failed=tuple(sorted(failed, key=lambda each: each.index)),
    )


def _reading(found: Found, people: Mapping[str, str], kinds: Mapping[str, Measurement]) -> Reading | Failed | None:
    """Return a reading of ours, why it is none, or None for a kind that we don't know."""
    measurement = kinds.get(found.kind)
    if measurement is None:
        return None
    if found.account not in people:
        return Failed(found.index, "unknown-account", "no person is linked to this account")
    document = msgspec.json.encode({**found.fields, "userId": people[found.account]})
    good, problems = measurement.decoder.decode_all([msgspec.Raw(document)])
    if problems:
        return Failed(found.index, "schema-invalid", f"{found.kind}: {problems[0].field}: {problems[0].message}")
    return good[0]


def _deletion(deleted: Deleted, people: Mapping[str, str]) -> tuple[str, bytes] | Failed:
    """Return the body that takes something back, in a message of its own."""
    if deleted.account not in people:
        return Failed(deleted.index, "unknown-account", "no person is linked to this account")
    item = {**deleted.fields, "userId": people[deleted.account]}
    if deletion_in(msgspec.Raw(msgspec.json.encode(item))) is None:
        return Failed(deleted.index, "schema-invalid", f"{deleted.kind}: the deletion names nothing that was stored")
    return deleted.kind, msgspec.json.encode({"readings": [item]})


def _message(kind: str, body: bytes, count: int, delivery: Delivery, at: datetime) -> OutgoingMessage:
    subject = topology.raw_subject(kind)
    identity = message_id(subject, body)
    attributes = {
        headers.CE_SPECVERSION: "1.0",
        headers.CE_ID: identity,
        headers.CE_TYPE: subject,
        headers.CE_SOURCE: f"/athlete-ally/unpack/{delivery.consumer}",
        headers.CE_TIME: at.isoformat(timespec="milliseconds"),
        headers.CONTENT_TYPE: "application/json",
        headers.READINGS: str(count),
        headers.SENDER: vendor_sender(topology.unpacked_vendor(delivery.consumer)),
        **parent_headers(parent_for(delivery)),
        **handed_on(delivery.headers),
    }
    return OutgoingMessage(topology.CORE_HOT, subject, body, identity, attributes)


def webhook_letters(
    vendor: str, delivery: Delivery, identity: str, failed: Sequence[Failed], *, at: datetime
) -> list[OutgoingMessage]:
    """Return a letter for each reason. Each holds the whole webhook as received: a part of it would no longer verify.

    What was of use is published again when a letter is replayed, under the same ids: a duplicate.
    """
    reasons = dict.fromkeys(each.reason for each in failed)
    return [
        _letter(vendor, delivery, identity, [each for each in failed if each.reason == reason], at)
        for reason in reasons
    ]


def _letter(vendor: str, delivery: Delivery, identity: str, failed: Sequence[Failed], at: datetime) -> OutgoingMessage:
    reason, error = failed[0].reason, printable(failed[0].error)
    mark = fingerprint(vendor, reason, shape_of(error))
    stated = why_and_whence(delivery, identity, reason, error, fingerprint=mark, at=at)
    stated[headers.READINGS] = str(len(failed))
    stated[headers.READING_INDEXES] = listed([each.index for each in failed])
    return OutgoingMessage(
        stream=topology.DLQ,
        subject=topology.webhook_letter_subject(vendor, reason),
        body=delivery.body,
        message_id=derived_id("dlq", identity, delivery.sequence, reason),
        headers={**copied_headers(delivery.headers), **stated},
    )


def dead_lettered(reason: Reason, error: str) -> Parcel:
    """Return the result of a webhook that is dead-lettered without being read."""
    return Parcel(failed=(Failed(0, reason, error),))
