"""The contract of messages, docs/reference/asyncapi.yaml, held against messages."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

CONTRACT = Path(__file__).parents[2] / "docs" / "reference" / "asyncapi.yaml"


@cache
def contract() -> dict[str, Any]:
    """Return the document."""
    return yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))


def channel_of(subject: str) -> str:
    """Return the name of the channel on which a message travels; a parameter of an address stands for one part."""
    parts = subject.split(".")
    for name, channel in contract()["channels"].items():
        address = channel["address"].split(".")
        if len(address) == len(parts) and all(a == p or a[0] == "{" for a, p in zip(address, parts, strict=True)):
            return str(name)
    raise AssertionError(f"the contract knows no channel for {subject}")


def differences(subject: str, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Return how a message differs from the contract; nothing where it is as described."""
    (reference,) = contract()["channels"][channel_of(subject)]["messages"].values()
    message = contract()["components"]["messages"][reference["$ref"].rpartition("/")[2]]
    found = _errors(message["headers"], dict(headers))
    if message["contentType"] == "application/json":
        found += _errors(message["payload"], json.loads(body))
    return found


def _errors(schema: dict[str, Any], instance: Any) -> list[str]:
    # References lead into the document's components.
    whole = {**schema, "components": contract()["components"]}
    return [str(each.message) for each in Draft7Validator(whole).iter_errors(instance)]  # pyright: ignore[reportUnknownMemberType]  # untyped
