"""The contract of messages is AsyncAPI 3, and what is published is as it says.

`asyncapi-3.0.0.schema.json.gz` is the specification's own JSON schema, in one line: `3.0.0-without-$id.json` of
@asyncapi/specs 6.11.1 (Apache-2.0, https://github.com/asyncapi/spec-json-schemas).
"""

import copy
import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from support.contract import contract, differences
from support.webhooks import Signed, signed_samples

from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.fetch.dead_letters import dead_letter, fetched
from athlete_ally.ingest.store_webhook import webhook_message
from athlete_ally.normalize.unpack import Failed, webhook_letters
from athlete_ally.vendors import FETCHED

SCHEMA = json.loads(gzip.decompress((Path(__file__).parent / "asyncapi-3.0.0.schema.json.gz").read_bytes()))
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SAMPLES = signed_samples()


def errors(document: dict[str, Any]) -> list[str]:
    """Return where a document is not AsyncAPI 3."""
    return [each.json_path for each in Draft7Validator(SCHEMA).iter_errors(document)]  # pyright: ignore[reportUnknownMemberType]  # untyped


def references(document: dict[str, Any]) -> set[str]:
    """Return every reference of a document."""
    return set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))


def published(message: OutgoingMessage) -> dict[str, str]:
    """Return the headers with which the publisher publishes a message."""
    return {**message.headers, headers.MSG_ID: message.message_id, headers.EXPECTED_STREAM: message.stream}


def test_the_contract_is_asyncapi() -> None:
    """
    The document is valid by the schema of the specification, which finds a channel without a usable address.
    """
    broken = copy.deepcopy(contract())
    broken["channels"]["vendor-webhook-received"]["address"] = 7

    assert (errors(contract()), bool(errors(broken))) == ([], True)


def test_every_reference_leads_somewhere() -> None:
    """
    What a reference names is in the document; parameters of an address are described.
    """
    for reference in references(contract()):
        part: Any = contract()
        for step in reference.removeprefix("#/").split("/"):
            assert step in part, reference
            part = part[step]
    for channel in contract()["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel.get("parameters", {}))


def _webhook(sample: Signed) -> OutgoingMessage:
    return webhook_message(sample.vendor, sample.request, sample.now)


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.vendor.name for sample in SAMPLES])
def test_what_is_kept_of_a_webhook_is_as_described(sample: Signed) -> None:
    """
    Each vendor's webhook has the headers that the contract promises on its channel; without one of them it differs.
    """
    message = _webhook(sample)
    stated = published(message)

    assert differences(message.subject, stated, message.body) == []
    del stated[headers.CE_TIME]
    assert differences(message.subject, stated, message.body) == ["'ce-time' is a required property"]


@pytest.mark.parametrize("vendor", FETCHED)
def test_what_is_fetched_or_dead_lettered_is_as_described(vendor: str) -> None:
    """
    A document, named by a webhook or asked for by a back-fill, and a dead letter have the headers of their channels.
    """
    kept = _webhook(next(sample for sample in SAMPLES if sample.vendor.name == vendor))
    delivery = Delivery(
        stream=kept.stream,
        sequence=7,
        subject=kept.subject,
        consumer=f"fetch-{vendor}-durable",
        body=kept.body,
        headers=published(kept),
        attempt=1,
        stored_at=NOW,
        token="",  # nothing is settled here
    )
    for message in (
        fetched(vendor, 3, "sleep", b'{"id": 1}', at=NOW, webhook=delivery),
        fetched(vendor, 3, "sleep", b"[]", at=NOW),
        dead_letter(vendor, delivery, "non-retryable", "no permission", at=NOW),
        *webhook_letters(vendor, delivery, "id", [Failed(0, "unknown-account", "nobody's")], at=NOW),
    ):
        assert differences(message.subject, published(message), message.body) == []
        assert len(differences(message.subject, {}, message.body)) > 1
