"""The contract of all messages as AsyncAPI 3."""

from typing import Any

import yaml
from reference_schemas import messages_of, schemas
from reference_vendor_channels import vendor_channels, vendor_operations
from reference_vendor_messages import vendor_messages

from athlete_ally import __version__
from athlete_ally.core.broker import topology
from athlete_ally.core.verdict import REASONS
from athlete_ally.measurements import KINDS, MEASUREMENTS

_DESCRIPTION = """\
Messages of the pipeline in NATS JetStream: JSON bodies, and CloudEvents 1.0 attributes as NATS headers (binary mode).
Made from the program by scripts/build_reference.py."""


def asyncapi_yaml() -> str:
    """Return the document as YAML."""
    channels = [channel for kind in KINDS for channel in _channels(kind)]
    info = {
        "title": "Athlete Ally messages",
        "version": __version__,
        "description": _DESCRIPTION,
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": info,
        "defaultContentType": "application/json",
        "channels": dict(_channel(*each) for each in channels) | vendor_channels(),
        "operations": dict(each for channel in channels for each in _operations(*channel[1:3])) | vendor_operations(),
        "components": {"messages": messages_of(MEASUREMENTS) | vendor_messages(), "schemas": schemas(MEASUREMENTS)},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _channels(kind: str) -> list[tuple[str, str, str, str]]:
    """Return kind, name of the channel, name of its message, and subject, for each subject of a kind."""
    letters = [(f"dead-letter-{reason}", topology.dead_letter_subject(kind, reason)) for reason in REASONS]
    return [
        (kind, f"{kind}-raw-received", "raw-received", topology.raw_subject(kind)),
        (kind, f"{kind}-normalized-stored", "normalized-stored", topology.stored_subject(kind)),
        (kind, f"{kind}-normalized-deleted", "normalized-deleted", topology.deleted_subject(kind)),
        *((kind, f"{kind}-{name}", "dead-letter", subject) for name, subject in letters),
    ]


def _channel(kind: str, name: str, message: str, subject: str) -> tuple[str, dict[str, Any]]:
    return name, {"address": subject, "messages": {message: {"$ref": f"#/components/messages/{kind}-{message}"}}}


def _operations(channel: str, message: str) -> list[tuple[str, dict[str, Any]]]:
    where = {"channel": {"$ref": f"#/channels/{channel}"}}
    if message != "raw-received":
        return [(f"normalize-sends-{channel}", {"action": "send", **where})]
    taken = (f"normalize-receives-{channel}", {"action": "receive", **where})
    return [(f"ingest-sends-{channel}", {"action": "send", **where}), taken]
