"""The dead letter of a webhook whose resource can't be fetched. Pure."""

from datetime import datetime

from athlete_ally.core.broker import topology
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import derived_id, fingerprint, message_id
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.messages.parent import parent_headers
from athlete_ally.core.messages.trace import handed_on
from athlete_ally.core.verdict import Reason
from athlete_ally.normalize.dead_letters import copied_headers, instant, why_and_whence
from athlete_ally.normalize.prepare import parent_for


def dead_letter(vendor: str, delivery: Delivery, reason: Reason, error: str, *, at: datetime) -> OutgoingMessage:
    """Return the letter: the webhook byte for byte, and why. Its id is the same whenever it is made again."""
    identity = delivery.headers.get(headers.MSG_ID) or message_id(delivery.subject, delivery.body)
    mark = fingerprint(vendor, "fetch", reason, error)
    stated = why_and_whence(delivery, identity, reason, error, fingerprint=mark, at=at)
    # Nobody knows how many are in what was not got.
    stated[headers.READINGS] = "1"
    return OutgoingMessage(
        stream=topology.DLQ,
        subject=topology.webhook_letter_subject(vendor, reason),
        body=delivery.body,
        message_id=derived_id("dlq", identity, delivery.consumer, delivery.sequence, reason),
        headers={**copied_headers(delivery.headers), **stated},
    )


def fetched(
    vendor: str, grant: int, kind: str, body: bytes, *, at: datetime, webhook: Delivery | None = None
) -> OutgoingMessage:
    """Return the message that keeps what a vendor answered; the same answer has the same id.

    `webhook` is what named it, if something did; a back-fill asks unasked.

    The grant stands for the person: the vendor's id of somebody does not belong into headers.
    """
    subject = topology.fetched_subject(vendor)
    identity = message_id(f"{subject} {grant} {kind}", body)
    attributes = {
        headers.CE_SPECVERSION: "1.0",
        headers.CE_ID: identity,
        headers.CE_TYPE: subject,
        headers.CE_SOURCE: "/athlete-ally/fetch",
        headers.CE_TIME: instant(at),
        headers.CONTENT_TYPE: "application/json",
        headers.GRANT: str(grant),
        headers.RESOURCE_TYPE: kind,
        **({} if webhook is None else {**parent_headers(parent_for(webhook)), **handed_on(webhook.headers)}),
    }
    return OutgoingMessage(topology.VENDOR_HOT, subject, body, identity, attributes)
