"""The secrets of vendors, from the environment or from files; never printed."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from athlete_ally.config.settings import DEFAULT_ENV_FILE
from athlete_ally.config.vendor_variables import FILE_SUFFIX, secrets_variable, token_variable, variables
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.plugin import Secrets, Vendor
from athlete_ally.core.vendor.signature import Hmac, SecretPath, SharedHeader

# Shorter secrets could be found by brute force.
_SHORTEST = 8
_PATH_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")


def load_secrets(
    vendors: Sequence[Vendor], env_file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> dict[str, Secrets]:
    """Return the secrets of each vendor that has any; `environment` overrides `env_file` (`.env` unless given).

    Raises:
        Misconfigured: a secret is too short or invalid for this vendor, or a file can't be read.
    """
    values = configured_values(env_file, environment)
    found = {vendor.name: _secrets_of(vendor, values) for vendor in vendors}
    return {name: secrets for name, secrets in found.items() if secrets.signing or secrets.tokens}


def _secrets_of(vendor: Vendor, values: Mapping[str, str]) -> Secrets:
    name = secrets_variable(vendor.name)
    text = value_of(name, values)
    # A whole header value may contain spaces (`Bearer ...`).
    between = r"[,\r\n]+" if isinstance(vendor.signature, SharedHeader) else r"[,\s]+"
    signing = tuple(secret for each in re.split(between, text) if (secret := each.strip()))
    for secret in signing:
        _check(vendor, name, secret)
    tokens = tuple(value_of(token_variable(vendor.name), values).replace(",", " ").split())
    return Secrets(signing, tokens)


def configured_values(env_file: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return every variable that has a value; `environment` overrides `env_file` (`.env` unless given).

    It also does so when one gives the value and the other a file that holds it.
    """
    given = {name: value for name, value in environment.items() if value}
    written = {name: value for name, value in dotenv_values(env_file or DEFAULT_ENV_FILE).items() if value}
    return {name: value for name, value in written.items() if _twin(name) not in given} | given


def _twin(name: str) -> str:
    return name.removesuffix(FILE_SUFFIX) if name.endswith(FILE_SUFFIX) else name + FILE_SUFFIX


def vendor_values(
    vendors: Sequence[str], env_file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return every variable of these vendors that has a value, to pass it to a service unchanged."""
    values = configured_values(env_file, environment)
    return {name: values[name] for name in variables(vendors) if name in values}


def value_of(name: str, values: Mapping[str, str]) -> str:
    """Return a variable's value, or the content of the file that its `_FILE` variant names; empty without either.

    Raises:
        Misconfigured: both are set, or the file can't be read.
    """
    if name in values and name + FILE_SUFFIX in values:
        raise Misconfigured(f"{name} and {name}{FILE_SUFFIX} are both set: unset one of them")
    if name + FILE_SUFFIX not in values:
        return values.get(name, "").strip()
    path = Path(values[name + FILE_SUFFIX])
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{name}{FILE_SUFFIX}: {path} can't be read ({type(error).__name__})") from error


def _check(vendor: Vendor, name: str, secret: str) -> None:
    if len(secret) < _SHORTEST:
        raise Misconfigured(f"{name}: each secret needs at least {_SHORTEST} characters")
    if isinstance(vendor.signature, SecretPath) and not _PATH_SECRET.fullmatch(secret):
        raise Misconfigured(f"{name}: a secret in a URL must have 16 to 128 characters: letters, digits, - or _")
    if isinstance(vendor.signature, Hmac):
        try:
            vendor.signature.key(secret)
        except ValueError as error:
            raise Misconfigured(f"{name}: {error}") from error
