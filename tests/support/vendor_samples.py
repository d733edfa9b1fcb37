"""The samples of vendors' payloads, and what they turn out to hold."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.webhook import Unpacked, Webhook
from athlete_ally.measurements import MEASUREMENTS
from support.webhooks import BY_NAME, SAMPLES

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KINDS = {measurement.kind: measurement for measurement in MEASUREMENTS}


def samples(chosen: Callable[[str, dict[str, Any]], bool] = lambda _vendor, _sample: True) -> list[Any]:
    """Return every sample that is chosen, with its vendor's name."""
    return [
        pytest.param(vendor, sample, id=f"{vendor}: {sample['says']}")
        for vendor in BY_NAME
        for sample in samples_of(vendor)
        if chosen(vendor, sample)
    ]


def samples_of(vendor: str) -> list[dict[str, Any]]:
    """Return a vendor's samples."""
    return json.loads((SAMPLES / f"{vendor}.json").read_text(encoding="utf-8"))


def body_of(payload: Any) -> bytes:
    """Return a payload as it is sent."""
    return payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()


def opened(vendor: str, sample: dict[str, Any], body: bytes) -> Unpacked:
    """Return what these bytes hold, of the sort that the sample is: a webhook, or a document of account 4000."""
    plugin = BY_NAME[vendor]
    if "document" not in sample:
        return plugin.unpack(Webhook(body, {}, NOON))
    assert plugin.api is not None
    return plugin.api.read(Document(sample["document"], "4000", body, NOON))


def held(unpacked: Unpacked) -> dict[str, Any]:
    """Return what a webhook holds, as the samples say it; what is empty is left out."""
    parts: dict[str, Any] = {
        "readings": [{"kind": each.kind, "account": each.account, **each.fields} for each in unpacked.found],
        "resources": [[each.account, each.type, each.id] for each in unpacked.resources],
        "withdrawn": list(unpacked.withdrawn),
        "renamed": [[each.old, each.new] for each in unpacked.renamed],
        "unusable": [each.index for each in unpacked.unusable],
        "ignored": unpacked.ignored,
        "deleted": [{"kind": each.kind, "account": each.account, **each.fields} for each in unpacked.deleted],
    }
    return {name: value for name, value in parts.items() if value}


class Everybody(dict[str, str]):
    """Knows every account as a person of the same name."""

    def __missing__(self, account: str) -> str:
        """Return the person."""
        return account

    def __contains__(self, _account: object) -> bool:
        """Know everybody."""
        return True
