"""What the messages of a kind look like: schemas of bodies and headers."""

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec
from reference_headers import ON_DEAD_LETTERS, ON_EVERY_MESSAGE, ON_RAW, ON_SOME_DEAD_LETTERS, WHERE_GIVEN

from athlete_ally.core.measurement import Measurement

_ORIGINAL = "The original body, or one like it with only the readings that failed, byte for byte as they were."


def schemas(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return the schemas of readings, and of records as they are announced: without their bulky columns."""
    types = [each for one in measurements for each in (one.decoder.reading_type, one.record_type)]
    _, found = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for schema in found.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    for each in measurements:
        record = found[each.record_type.__name__]
        record["properties"] = {name: of for name, of in record["properties"].items() if name not in each.bulky}
        record["required"] = [name for name in record["required"] if name not in each.bulky]
    return found


def messages_of(measurement: Measurement) -> dict[str, Any]:
    """Return the messages of a kind, by name."""
    title = measurement.title
    reading, record = measurement.decoder.reading_type.__name__, measurement.record_type.__name__
    letter = {"type": "object", "description": _ORIGINAL}
    examples = [{"name": "readings", "payload": {"readings": list(measurement.examples)}}]
    raw = _message(f"{title}: raw readings", _list("readings", reading), ON_RAW, {})
    return {
        f"{measurement.kind}-raw-received": raw | {"examples": examples},
        f"{measurement.kind}-normalized-stored": _message(f"{title}: records", _list("records", record), {}, {}),
        f"{measurement.kind}-dead-letter": _message(
            f"{title}: dead letter", letter, ON_DEAD_LETTERS, ON_SOME_DEAD_LETTERS
        ),
    }


def _message(title: str, payload: dict[str, Any], always: dict[str, str], sometimes: dict[str, str]) -> dict[str, Any]:
    required = ON_EVERY_MESSAGE | always
    properties = {
        name: {"type": "string", "description": meaning}
        for name, meaning in (required | WHERE_GIVEN | sometimes).items()
    }
    headers = {"type": "object", "required": list(required), "properties": properties}
    return {"title": title, "contentType": "application/json", "headers": headers, "payload": payload}


def _list(field: str, schema: str) -> dict[str, Any]:
    items = {"type": "array", "minItems": 1, "items": {"$ref": f"#/components/schemas/{schema}"}}
    return {"type": "object", "required": [field], "properties": {field: items}}
