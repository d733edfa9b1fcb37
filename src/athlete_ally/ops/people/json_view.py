"""Where a row comes from, as a JSON document: what `--json` prints and the console shows. Pure."""

from datetime import datetime
from typing import Any

from athlete_ally.core.broker.topology import VENDOR_HOT
from athlete_ally.ops.people.lineage import Ancestor, Lineage, Row


def lineage_document(lineage: Lineage) -> dict[str, Any]:
    """Return what `lineage` says: receipts, and the way back from the message to the webhook. No bodies."""
    last = lineage.last
    message = {
        "what": "message",
        "stream": last["stream"],
        "sequence": last["sequence"],
        "message_id": lineage.message_id,
        "subject": lineage.message.subject if lineage.message else None,
        "vendor": None,
    }
    return {
        "message_id": lineage.message_id,
        "trace_id": last["trace_id"],
        "receipts": [_receipt_document(each) for each in lineage.receipts],
        "way": [message, *map(_ancestor_document, lineage.ancestors)],
    }


def _receipt_document(receipt: Row) -> dict[str, Any]:
    names = ("kind", "stream", "sequence", "readings", "stored", "superseded", "duplicate", "dead_lettered", "errors")
    times = {name: _instant(receipt[name]) for name in ("received_at", "settled_at")}
    return {**{name: receipt[name] for name in names}, **times}


def _ancestor_document(each: Ancestor) -> dict[str, Any]:
    receipt = each.receipt or {}
    return {
        "what": "webhook" if each.is_webhook else "fetched",
        "stream": VENDOR_HOT,
        "sequence": each.parent.sequence,
        "message_id": each.parent.message_id,
        "subject": each.message.subject if each.message else None,
        "vendor": receipt.get("vendor"),
        "result": receipt.get("result"),
        "received_at": _instant(receipt["received_at"]) if receipt else None,
        "trace_id": receipt.get("trace_id"),
    }


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
