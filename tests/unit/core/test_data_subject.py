"""Whose a message is: ours, vendors' and nobody's, hostile ones among them."""

import json
from typing import Any

import pytest

from athlete_ally.core.messages import headers
from athlete_ally.core.messages.data_subject import Person, Share, origin_of, share_of

ANNA = Person("anna", frozenset({("oura", "acc-1"), ("strava", "77")}), frozenset({5}))
RAW, STORED = "athlete-ally.hrv.raw-received", "athlete-ally.hrv.normalized-stored"
LETTER = "dlq.normalize.hrv.raw-received.schema-invalid"
BEN = frozenset({"ben"})


def body(**fields: Any) -> bytes:
    """Return a document as bytes."""
    return json.dumps(fields).encode()


def readings(*users: str) -> bytes:
    """Return a message with a reading of each of these."""
    return body(readings=[{"userId": user, "rmssd": 42} for user in users])


@pytest.mark.parametrize(
    ("subject", "content", "share"),
    [
        (RAW, readings("anna"), Share(1)),
        (RAW, readings("ben"), None),
        (RAW, readings("anna-lena"), None),
        (RAW, readings("ben", "anna", "anna", "ben"), Share(2, (0, 3), BEN)),
        # Somebody's note that names her is not hers.
        (RAW, body(readings=[{"userId": "ben", "raw": {"coach": "anna"}}]), None),
        # A reading that does not say whose it is in a valid way.
        (LETTER, body(readings=[{"userid": "anna"}, {"userId": 7}, {"userId": "ben"}]), Share(1, (1, 2), BEN)),
        (LETTER, b'{"readings":[{"userId":"\\u0061nna"}]}', Share(1)),
        (LETTER, b'{"readings":[{"userId":"anna"', Share(1, is_readable=False)),
        (LETTER, b'\xff{"userId":"anna"', Share(1, is_readable=False)),
        (LETTER, b"[" * 100_000 + b'"anna"', Share(1, is_readable=False)),
        (LETTER, b'"anna"', Share(1, is_readable=False)),
        (LETTER, b"", None),
        (STORED, body(records=[{"user_id": "anna"}, {"user_id": "ben"}]), Share(1, (), BEN)),
        ("athlete-ally.redrive.normalize-hrv-durable.letter", readings("anna"), Share(1)),
        ("vendor.oura.webhook.received", body(user_id="acc-1", object_id="x"), Share(1)),
        ("vendor.oura.webhook.received", body(user_id="acc-2", object_id="x"), None),
        # The same account at another vendor is somebody else.
        ("vendor.whoop.webhook.received", body(user_id="acc-1"), None),
        ("vendor.strava.webhook.received", body(owner_id=77, object_id=1), Share(1)),
        ("vendor.strava.webhook.received", body(owner_id=78, distance=77), None),
        ("vendor.redrive.unpack-strava-durable.letter", body(owner_id=77), Share(1)),
        ("vendor.oura.webhook.received", b"userid=acc-1&appli=44", Share(1)),
        ("vendor.oura.webhook.received", b"acc-1?", Share(1, is_readable=False)),
        (
            "vendor.oura.webhook.received",
            body(sleeps=[{"userId": "acc-1"}, {"userId": "acc-2"}]),
            Share(1, people=frozenset({"acc-2"})),
        ),
        ("dlq.vendor.oura.webhook.unknown-account", body(user_id="acc-1"), Share(1)),
        ("dlq.quarantine.vendor.oura.webhook.unknown-account", body(user_id="acc-1"), Share(1)),
        ("dlq.consumer.reporting.max-deliver", readings("anna", "ben"), Share(1, (1,), BEN)),
        ("dlq.consumer.reporting.max-deliver", body(who="anna"), Share(1)),
        ("dlq.consumer.reporting.max-deliver", b"<xml>anna</xml>", Share(1, is_readable=False)),
    ],
)
def test_whose_a_message_is(subject: str, content: bytes, share: Share | None) -> None:
    """
    What is the person's is found, whatever program wrote it; what others say, or are called, is not taken for it.
    """
    assert share == share_of(ANNA, subject, {}, content)


def test_what_was_fetched_is_whose_grant_it_was() -> None:
    """
    The header names the grant: a body without any id, or with others' ids, is the person's all the same.
    """
    fetched = "vendor.oura.resource.fetched"

    assert share_of(ANNA, fetched, {headers.GRANT: "5"}, b'{"score": 80}') == Share(1)
    assert share_of(ANNA, fetched, {headers.GRANT: "55"}, b'{"score": 80}') is None


def test_a_letter_comes_from_where_its_original_did() -> None:
    """
    The dead letter of a consumer that is not ours is read as what that consumer was given.
    """
    stated = {headers.ORIGINAL_SUBJECT: "vendor.strava.webhook.received"}

    assert origin_of("dlq.consumer.reporting.max-deliver", stated) == ("webhook", "strava")
    assert share_of(ANNA, "dlq.consumer.reporting.max-deliver", stated, body(owner_id=77)) == Share(1)


def test_a_person_is_not_printed() -> None:
    """
    Neither the id nor an account is in what a log or a traceback would show of a person.
    """
    assert "anna" not in repr(ANNA) + repr(Share(1, people=frozenset({"anna"})))
    assert "acc-1" not in repr(ANNA)
