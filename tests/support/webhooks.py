"""Requests as vendors send them, signed with secrets of ours, for tests."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Request
from athlete_ally.vendors import PLUGINS, generic

SAMPLES = Path(__file__).parents[1] / "unit" / "vendors" / "samples"
CLINIC = generic("clinic")
BY_NAME: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (*PLUGINS, CLINIC)}


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature openssl computed, the secrets that are valid, and the time."""

    vendor: Vendor
    secrets: tuple[str, ...]
    now: datetime
    request: Request


def signed_samples() -> list[Signed]:
    """Return all samples of signed requests."""
    samples: list[dict[str, Any]] = json.loads((SAMPLES / "signatures.json").read_text(encoding="utf-8"))
    return [
        Signed(
            BY_NAME[each["vendor"]],
            tuple(each["secrets"]),
            datetime.fromisoformat(each["now"]),
            Request("POST", {}, each["headers"], each["body"].encode(), each.get("path_secret", "")),
        )
        for each in samples
    ]


def oura_headers(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    """Sign as Oura does."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).hexdigest()
    return {"x-oura-signature": digest.upper(), "x-oura-timestamp": timestamp, "content-type": "application/json"}


def terra_headers(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    """Sign as Terra does."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"terra-signature": f"t={timestamp},v1={digest}", "content-type": "application/json"}


def standard_headers(secret: str, webhook_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """Sign as a sender of Standard Webhooks does."""
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "content-type": "application/json",
    }
