"""Reading the file of an environment: limits, expectations and thresholds, in TOML."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.environment import DurableLimits, EnvironmentSpec, StreamLimits
from athlete_ally.core.broker.topology import DEV, STREAMS
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.units_text import Size, Span


def environment_of(settings: Settings) -> EnvironmentSpec:
    """Return the environment that the settings name; without a file, that of a developer's machine.

    Raises:
        Misconfigured: the file can't be read, is not as it must be, or belongs to another environment.
    """
    if settings.environment_file is None:
        return DEV
    spec = load_environment(settings.environment_file)
    if settings.is_set("environment") and spec.environment != settings.environment:
        raise Misconfigured(
            f"AA_ENVIRONMENT_FILE: {settings.environment_file} is the file of {spec.environment}, "
            f"and AA_ENVIRONMENT is {settings.environment}"
        )
    return spec


def load_environment(path: Path) -> EnvironmentSpec:
    """Read a file.

    Raises:
        Misconfigured: it can't be read, or is not as it must be; the text names the field.
    """
    try:
        return decode_environment(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{path}: can't be read ({type(error).__name__}); name it in AA_ENVIRONMENT_FILE"
        ) from error
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


def decode_environment(text: str) -> EnvironmentSpec:
    """Return what the text of a file says.

    Raises:
        ValueError: it is no TOML, or a field is missing, unknown or not as it must be.
    """
    values = tomllib.loads(text)
    _check_each(values, "streams", StreamLimits)
    _check_each(values, "durables", DurableLimits)
    spec = msgspec.convert(values, EnvironmentSpec, dec_hook=_quantity)
    if set(spec.streams) != set(STREAMS):
        raise ValueError(f"streams are {', '.join(sorted(spec.streams))}; wanted are {', '.join(sorted(STREAMS))}")
    return spec


def _check_each(values: dict[str, Any], table: str, kind: type[StreamLimits | DurableLimits]) -> None:
    """Raise an error that names the table: of one deep in a file, msgspec tells the field only."""
    found: Any = values.get(table)
    for name, limits in found.items() if isinstance(found, dict) else ():  # pyright: ignore[reportUnknownVariableType]  # any TOML
        try:
            msgspec.convert(limits, kind, dec_hook=_quantity)
        except ValueError as error:
            raise ValueError(f"[{table}.{name}] {error}") from error


def _quantity(kind: type[Any], value: Any) -> Any:
    quantity: type[Span | Size] = kind
    return quantity.parse(str(value))


def encode_environment(spec: EnvironmentSpec) -> str:
    """Return the text of a file that says this; every value is stated, so that it can be changed."""
    values: dict[str, Any] = msgspec.to_builtins(spec, enc_hook=str)
    return "\n".join(_table("", values)).lstrip("\n") + "\n"


def _table(path: str, values: dict[str, Any]) -> Iterator[str]:
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    if plain and path:
        yield f"\n[{path}]"
    # Strings, numbers and lists of strings look the same in TOML and JSON.
    yield from (f"{_key(name)} = {json.dumps(value)}" for name, value in plain.items())
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _table(f"{path}.{_key(name)}".lstrip("."), cast("dict[str, Any]", value))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
