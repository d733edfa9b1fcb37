"""The messages of every kind: subjects as a table, and the contract as AsyncAPI 3."""

from typing import Any

import yaml
from reference_markdown import code, table
from reference_schemas import messages_of, schemas

from athlete_ally import __version__
from athlete_ally.core import topology
from athlete_ally.core.measurement import Measurement
from athlete_ally.core.verdict import REASONS
from athlete_ally.measurements import MEASUREMENTS

_DESCRIPTION = """\
Messages of the pipeline in NATS JetStream.
JSON bodies; CloudEvents 1.0 attributes travel as NATS headers (binary mode).
Made from the program by scripts/build_reference.py."""


def subjects_table() -> str:
    """Return a row for each subject."""
    rows: list[tuple[str, ...]] = []
    for each in MEASUREMENTS:
        worker = code(topology.normalize_durable(each.kind))
        rows += [
            (code(topology.raw_subject(each.kind)), code(topology.CORE_HOT), "ingest", worker),
            (code(topology.stored_subject(each.kind)), code(topology.CORE_HOT), "normalize", "whoever wants to know"),
        ]
        letters = [topology.dead_letter_subject(each.kind, reason) for reason in REASONS]
        rows += [(code(subject), code(topology.DLQ), "normalize", "`athlete-ally dlq`") for subject in letters]
    return table(("subject", "stream", "written by", "read by"), rows)


def asyncapi_yaml() -> str:
    """Return the document as YAML."""
    parts = [_kind(each) for each in MEASUREMENTS]
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Athlete Ally messages",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: channel for channels, _ in parts for name, channel in channels.items()},
        "operations": {name: operation for _, operations in parts for name, operation in operations.items()},
        "components": {
            "messages": {name: message for each in MEASUREMENTS for name, message in messages_of(each).items()},
            "schemas": schemas(MEASUREMENTS),
        },
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _kind(measurement: Measurement) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the channels of a kind, and who sends and receives on them."""
    kind = measurement.kind
    subjects = {"raw-received": topology.raw_subject(kind), "normalized-stored": topology.stored_subject(kind)}
    letters = {f"dead-letter-{reason}": topology.dead_letter_subject(kind, reason) for reason in REASONS}
    channels = {
        f"{kind}-{name}": {"address": subject, "messages": {message: _ref("components/messages", f"{kind}-{message}")}}
        for name, subject in (subjects | letters).items()
        for message in ["dead-letter" if name in letters else name]
    }
    by_ingest, by_normalize = f"{kind}-raw-received", [name for name in channels if name != f"{kind}-raw-received"]
    operations: dict[str, Any] = {
        f"ingest-sends-{by_ingest}": {"action": "send", "channel": _ref("channels", by_ingest)},
        f"normalize-receives-{by_ingest}": {"action": "receive", "channel": _ref("channels", by_ingest)},
    }
    operations |= {f"normalize-sends-{n}": {"action": "send", "channel": _ref("channels", n)} for n in by_normalize}
    return channels, operations


def _ref(place: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/{place}/{name}"}
