"""The contract of what vendors sent: its messages."""

from typing import Any

from reference_headers import (
    COPIED,
    EVENT,
    ON_ALL,
    ON_DEAD_LETTERS,
    ON_FETCHED,
    ON_PARTS,
    ON_UNPACKED,
    ON_WEBHOOKS,
    SOMETIMES,
)
from reference_schemas import SOMETIMES_DEAD, message

_KEPT = "The body exactly as the vendor sent it, byte for byte."
_ANSWER = "What the vendor's API answered, byte for byte; a JSON list of the answers where it took several requests."
_WHOLE = "The whole webhook or document, byte for byte: a part of it would no longer verify."


def vendor_messages() -> dict[str, Any]:
    """Return the messages that hold what vendors sent, by name."""
    kept, answer, whole = ({"description": text} for text in (_KEPT, _ANSWER, _WHOLE))
    webhook = message("Webhook, as received", kept, ON_ALL | EVENT, SOMETIMES | ON_WEBHOOKS | ON_PARTS)
    always, sometimes = ON_ALL | COPIED | ON_FETCHED, SOMETIMES | ON_UNPACKED
    fetched = message("Document of a vendor, as it was answered", answer, always, sometimes)
    dead = message("Webhook or document: dead letter", whole, ON_ALL | ON_DEAD_LETTERS, SOMETIMES_DEAD | ON_WEBHOOKS)
    # What a vendor sends may be a form, or compressed: its own header says so.
    anything = {"contentType": "application/octet-stream"}
    return {
        "vendor-webhook-received": webhook | anything,
        "vendor-resource-fetched": fetched,
        "vendor-dead-letter": dead | anything,
    }
