"""The fields of an environment's file, from the types that read it."""

from collections.abc import Iterator
from typing import Any

import msgspec
from reference_markdown import code, codes, table

from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.units_text import Size

_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
_PLAIN = {"integer": "integer", "number": "number", "string": "text", "array": "list of texts"}


def environment_tables() -> str:
    """Return a section for each table of the file."""
    schema, definitions = msgspec.json.schema_components([EnvironmentSpec], schema_hook=_quantity)
    return "\n\n".join(_section("", schema[0], definitions))


def _quantity(kind: type) -> dict[str, Any]:
    return {"type": "size, like `64 GiB`" if kind is Size else "span, like `48h` or `7d`"}


def _section(path: str, schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    struct = definitions[schema["$ref"].rpartition("/")[2]]
    fields: dict[str, dict[str, Any]] = struct["properties"]
    rows = [
        (code(name), _kind(of), _default(of, required=name in struct.get("required", ())), of["description"])
        for name, of in fields.items()
        if _inner(of) is None
    ]
    title = f"`[{path}]`" if path else "At the top"
    yield f"### {title}\n\n{table(('field', 'type', 'default', 'meaning'), rows)}"
    for name, of in fields.items():
        inner = _inner(of)
        if inner is not None:
            below = f"{path}.{name}".lstrip(".")
            yield from _section(f"{below}.NAME" if "additionalProperties" in of else below, inner, definitions)


def _inner(of: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of the table that a field holds, if it holds one."""
    found = of.get("additionalProperties", of)
    found = found["anyOf"][0] if "anyOf" in found else found
    return found if "$ref" in found else None


def _kind(of: dict[str, Any]) -> str:
    if "enum" in of:
        return " or ".join(map(code, of["enum"]))
    if of["type"] == "object":
        return "table of texts"
    kind = str(of["type"])
    return ", ".join((_PLAIN.get(kind, kind), *(f"{word} {of[key]:g}" for key, word in _BOUNDS.items() if key in of)))


def _default(of: dict[str, Any], *, required: bool) -> str:
    return "required" if required else codes([of["default"]] if of.get("default") else [])
