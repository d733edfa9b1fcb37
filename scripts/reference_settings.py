"""The settings as a table and as `.env.example`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import AfterValidator, SecretStr
from pydantic.fields import FieldInfo
from reference_markdown import code, table
from reference_secrets import vendor_variables

from athlete_ally.config.settings import Settings

_TYPES = {int: "integer", float: "number", str: "text", Path: "path", SecretStr: "address"}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most"}
_HEAD = """\
# Every setting, with its default. Made from src/athlete_ally/config/settings.py by scripts/build_reference.py.
# Copy this file to .env and take the # away from the lines you want to change.
# Flags win over the environment, which wins over .env.
"""


def settings_table() -> str:
    """Return a row for each setting."""
    head = ("variable", "default", "type and limits", "meaning")
    fields = Settings.variables().items()
    return table(head, [(code(name), code(_default(of)), _limits(of), str(of.description)) for name, of in fields])


def env_example() -> str:
    """Return every setting as a comment: nothing is set by copying the file."""
    fields = Settings.variables().items()
    parts = [f"# {of.description} ({_limits(of)})\n#{name}={_default(of)}\n" for name, of in fields]
    return "\n".join((_HEAD, *parts, *(f"# {says}\n#{name}=\n" for name, says in vendor_variables())))


def _default(field: FieldInfo) -> str:
    value: Any = None if field.is_required() or field.default_factory else field.default
    return "" if value is None else str(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _limits(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    for each in (annotation, *get_args(annotation)):
        if get_origin(each) is Literal:
            return " or ".join(get_args(each))
    kind = next(name for kind, name in _TYPES.items() if kind in {annotation, *get_args(annotation)})
    return ", ".join((kind, *(words for limit in field.metadata for words in _words(limit, kind))))


def _words(limit: Any, kind: str) -> Iterator[str]:
    yield from (f"{word} {getattr(limit, bound):g}" for bound, word in _BOUNDS.items() if hasattr(limit, bound))
    if isinstance(limit, AfterValidator) and kind == _TYPES[SecretStr]:
        validate: Any = limit.func
        try:
            validate(SecretStr(""))  # no address: it says what it wants
        except ValueError as complaint:
            yield str(complaint)
