"""What the messages look like: schemas of bodies and headers."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from reference_headers import COPIED, ON_ALL, ON_DEAD_LETTERS, ON_RAW, SOMETIMES, SOMETIMES_ON_DEAD_LETTERS

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.sessions import Removed

_ORIGINAL = "The original body, or one like it with only the readings that failed, byte for byte as they were."


def schemas(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return the schemas of readings, and of records as they are announced: without their bulky columns."""
    types = [Removed, *(each for one in measurements for each in (one.decoder.reading_type, one.record_type))]
    _, found = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for schema in found.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    for each in measurements:
        record = found[each.record_type.__name__]
        record["properties"] = {name: of for name, of in record["properties"].items() if name not in each.bulky}
        record["required"] = [name for name in record["required"] if name not in each.bulky]
    return found


def messages_of(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Return the messages of all kinds, by name."""
    messages = dict[str, Any]()
    letter = {"type": "object", "description": _ORIGINAL}
    for each in measurements:
        reading, record = _list("readings", each.decoder.reading_type), _list("records", each.record_type)
        examples = [{"name": "readings", "payload": {"readings": list(each.examples)}}]
        raw = message(f"{each.title}: raw readings", reading, ON_ALL | COPIED | ON_RAW, SOMETIMES)
        dead = message(f"{each.title}: dead letter", letter, ON_ALL | ON_DEAD_LETTERS, SOMETIMES_DEAD)
        messages[f"{each.kind}-raw-received"] = raw | {"examples": examples}
        messages[f"{each.kind}-normalized-stored"] = message(
            f"{each.title}: records", record, ON_ALL | COPIED, SOMETIMES
        )
        gone = message(f"{each.title}: records that went", _list("records", Removed), ON_ALL | COPIED, SOMETIMES)
        messages[f"{each.kind}-normalized-deleted"] = gone
        messages[f"{each.kind}-dead-letter"] = dead
    return messages


SOMETIMES_DEAD = COPIED | SOMETIMES | SOMETIMES_ON_DEAD_LETTERS


def message(title: str, payload: Any, always: Mapping[str, str], sometimes: Mapping[str, str]) -> dict[str, Any]:
    """Return a message with headers that are always there, and others."""
    properties = {name: {"type": "string", "description": text} for name, text in {**always, **sometimes}.items()}
    headers = {"type": "object", "required": list(always), "properties": properties}
    return {"title": title, "contentType": "application/json", "headers": headers, "payload": payload}


def _list(field: str, item: type) -> dict[str, Any]:
    items = {"type": "array", "minItems": 1, "items": {"$ref": f"#/components/schemas/{item.__name__}"}}
    return {"type": "object", "required": [field], "properties": {field: items}}
