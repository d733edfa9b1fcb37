"""Read and write the file of an environment: limits, expectations and thresholds, in TOML."""

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
    """Return the environment that the settings name; without a file, dev.

    Raises:
        Misconfigured: the file can't be read, is invalid, or belongs to another environment.
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
        Misconfigured: it can't be read or is invalid; the text names the field.
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
    """Return the environment in the text of a file.

    Raises:
        ValueError: it is not TOML, or a field is missing, unknown or invalid.
    """
    values = tomllib.loads(text)
    _check_each(values, "streams", StreamLimits)
    _check_each(values, "durables", DurableLimits)
    spec = msgspec.convert(values, EnvironmentSpec, dec_hook=_quantity)
    if set(spec.streams) != set(STREAMS):
        raise ValueError(f"streams are {', '.join(sorted(spec.streams))}; expected {', '.join(sorted(STREAMS))}")
    return spec


def _check_each(values: dict[str, Any], table: str, kind: type[StreamLimits | DurableLimits]) -> None:
    """Raise an error that names the table; msgspec's error names only the field."""
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
    """Return an environment as the text of a file; every value is written, so that it can be changed."""
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
