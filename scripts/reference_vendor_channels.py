"""The channels of vendors: the same for each, so that the vendor is a parameter of the address."""

from typing import Any

from athlete_ally.core.broker import topology
from athlete_ally.core.verdict import VENDOR_REASONS
from athlete_ally.vendors import FETCHED, VENDORS

_LETTERS = {reason: f"vendor-dead-letter-{reason}" for reason in VENDOR_REASONS}
_ACTIONS = (
    ("ingest", "send", "vendor-webhook-received"),
    ("normalize", "receive", "vendor-webhook-received"),
    ("fetch", "receive", "vendor-webhook-received"),
    ("fetch", "send", "vendor-resource-fetched"),
    ("normalize", "receive", "vendor-resource-fetched"),
    *(("normalize", "send", name) for name in _LETTERS.values()),
    ("fetch", "send", _LETTERS["non-retryable"]),
    ("fetch", "send", _LETTERS["max-deliver"]),
)


def vendor_channels() -> dict[str, Any]:
    """Return the channels."""
    named = f"One of {', '.join(VENDORS)}, or a sender that AA_WEBHOOK_SENDERS names."
    anybody = {"description": named, "examples": list(VENDORS)}
    asked = {"description": "A vendor whose API is asked.", "enum": list(FETCHED)}
    letters = {
        name: _vendor_channel("dead-letter", topology.webhook_letter_subject("{vendor}", reason), anybody)
        for reason, name in _LETTERS.items()
    }
    return {
        "vendor-webhook-received": _vendor_channel("webhook-received", topology.webhook_subject("{vendor}"), anybody),
        "vendor-resource-fetched": _vendor_channel("resource-fetched", topology.fetched_subject("{vendor}"), asked),
        **letters,
    }


def _vendor_channel(message: str, address: str, vendor: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": address,
        "messages": {message: {"$ref": f"#/components/messages/vendor-{message}"}},
        "parameters": {"vendor": vendor},
    }


def vendor_operations() -> dict[str, Any]:
    """Return who sends and who receives on them."""
    return {
        f"{service}-{action}s-{channel}": {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}
        for service, action, channel in _ACTIONS
    }
