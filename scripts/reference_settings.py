"""The settings as a table and as `.env.example`."""

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import AfterValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from reference_markdown import code, codes, table

from athlete_ally.config.settings import Settings

_TYPES = {int: "integer", float: "number", str: "text", Path: "path", SecretStr: "address"}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most"}
_HEAD = """\
# Every setting, with its default. Made from src/athlete_ally/config/settings.py by scripts/build_reference.py.
# Copy this file to .env and take the # away from the lines you want to change.
# Flags win over the environment, which wins over .env.
# NATS_URL and DATABASE_URL: setting one tells `up` and `demo` to use that server and to start none.
"""


def settings_table() -> str:
    """Return a row for each setting."""
    rows = [
        (code(name), code(_default(field)), ", ".join(_limits(field)), str(field.description))
        for name, field in Settings.variables().items()
    ]
    return table(("variable", "default", "type and limits", "meaning"), rows)


def env_example() -> str:
    """Return every setting as a comment: nothing is set by copying the file."""
    parts = [
        f"# {field.description}\n# {', '.join(_limits(field, plain=True))}\n#{name}={_default(field)}\n"
        for name, field in Settings.variables().items()
    ]
    return "\n".join((_HEAD, *parts))


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value is PydanticUndefined:
        return ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _limits(field: FieldInfo, *, plain: bool = False) -> Iterator[str]:
    annotation: Any = field.annotation
    if typing.get_origin(annotation) is typing.Literal:
        yield "one of " + (", ".join(get_args(annotation)) if plain else codes(get_args(annotation)))
        return
    yield next(name for type_, name in _TYPES.items() if type_ in {annotation, *get_args(annotation)})
    for limit in field.metadata:
        yield from (f"{word} {getattr(limit, bound):g}" for bound, word in _BOUNDS.items() if hasattr(limit, bound))
        if isinstance(limit, AfterValidator):
            yield _complaint(limit)


def _complaint(validator: AfterValidator) -> str:
    """Return what the validator says of an address that can't be right: it knows its own rule."""
    check: Any = validator.func
    try:
        return str(check(SecretStr("")))
    except ValueError as error:
        return str(error)
