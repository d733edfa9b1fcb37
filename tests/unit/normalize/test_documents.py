"""What was fetched: whose it is, by the permission in its headers, and the outcome if that is not available."""

from datetime import UTC, datetime

import pytest

from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.webhook import NOTHING
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.normalize.unpack import Failed, Parcel, grant_of, open_document
from athlete_ally.vendors.garmin import GARMIN
from athlete_ally.vendors.whoop import API, WHOOP

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWNER = Account("whoop", "4000", "ada")


def delivery(stated: dict[str, str]) -> Delivery:
    """Return a delivery of a document on the redrive lane, where only its headers tell what it is."""
    return Delivery(
        consumer="unpack-whoop-durable",
        stream="AA_VENDOR_HOT",
        subject="vendor.redrive.unpack-whoop-durable.1",
        sequence=1,
        attempt=1,
        stored_at=NOON,
        headers=stated,
        body=b"{}",
        token=None,
    )


@pytest.mark.parametrize(
    ("stated", "grant"),
    [({}, None), ({headers.GRANT: "17"}, 17), ({headers.GRANT: "1e3"}, 0), ({headers.GRANT: "9" * 30}, 0)],
)
def test_the_header_tells_a_document_from_a_webhook(stated: dict[str, str], grant: int | None) -> None:
    """
    A permission in the headers makes it a document, whatever the subject; one that is not a number is nobody's.
    """
    assert grant == grant_of(delivery(stated))


def test_a_document_of_a_permission_that_is_gone_waits_as_a_letter() -> None:
    """
    Without an owner nothing is read: a dead letter of the reason that waits for a person.
    """
    parcel = open_document(WHOOP, delivery({}), None, NOON)

    assert isinstance(parcel, Parcel)
    assert [each.reason for each in parcel.failed] == ["unknown-account"]


def test_an_unreadable_document_is_schema_invalid() -> None:
    """
    What is no document of its type is a dead letter that names the field, and no value.
    """
    parcel = open_document(WHOOP, delivery({headers.RESOURCE_TYPE: "sleep"}), OWNER, NOON)

    text = "the body can't be read: Object missing required field `start`"
    assert Parcel(failed=(Failed(0, "schema-invalid", text),)) == parcel


def test_a_type_without_a_rule_is_ignored() -> None:
    """
    A type that nothing is made of is counted and no error: of a vendor that reads others, and of one that has no API.
    """
    cycle = delivery({headers.RESOURCE_TYPE: "cycle"})

    assert (open_document(WHOOP, cycle, OWNER, NOON), open_document(GARMIN, cycle, OWNER, NOON)) == (NOTHING, NOTHING)
    assert API.read(Document("cycle", "4000", b"{}", NOON)) == NOTHING
