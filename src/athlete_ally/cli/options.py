"""Options shared by several commands."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from athlete_ally.core.readings.reading import Label

env_file_option = click.option(
    "--env-file", type=click.Path(path_type=Path, dir_okay=False), help="Read settings from this file instead of .env."
)
LABEL_RULE = "1 to 128 characters, no control characters"

_file = click.Path(path_type=Path, dir_okay=False)
# Named as in natscli. There is none for a password or token: everyone on the machine can read a command line.
_NATS_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "nats_url": click.option("-s", "--server", "nats_url", help="NATS server.  [env: NATS_URL]"),
    "nats_context": click.option(
        "--context", "nats_context", help="Context of natscli, by name or path.  [env: AA_NATS_CONTEXT]"
    ),
    "nats_credentials": click.option(
        "--creds", "nats_credentials", type=_file, help="A .creds file.  [env: AA_NATS_CREDENTIALS]"
    ),
    "nats_nkey": click.option("--nkey", "nats_nkey", type=_file, help="File of an nkey seed.  [env: AA_NATS_NKEY]"),
    "nats_ca": click.option(
        "--tlsca", "nats_ca", type=_file, help="CA certificates to check the server against.  [env: AA_NATS_CA]"
    ),
    "nats_certificate": click.option(
        "--tlscert", "nats_certificate", type=_file, help="Client certificate.  [env: AA_NATS_CERTIFICATE]"
    ),
    "nats_key": click.option("--tlskey", "nats_key", type=_file, help="Its key.  [env: AA_NATS_KEY]"),
    "nats_inbox_prefix": click.option(
        "--inbox-prefix",
        "nats_inbox_prefix",
        help="Prefix of the subjects on which replies arrive.  [env: AA_NATS_INBOX_PREFIX]",
    ),
}


class InstantType(click.ParamType[datetime]):
    """An instant with its offset."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read an instant in RFC 3339; one without an offset is ambiguous, and refused."""
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError as error:
            self.fail(f"{error}; expected an instant such as 2026-11-24T06:30:00Z", param, ctx)
        if at.tzinfo is None:
            self.fail("the offset is missing: write 2026-11-24T06:30:00Z, or +01:00 for Z", param, ctx)
        return at.astimezone(UTC)


def is_label(text: str) -> bool:
    """Tell whether a text is a valid id of a person, in a reading and in the database."""
    try:
        msgspec.convert(text, Label)
    except msgspec.ValidationError:
        return False
    return True


def label(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Validate an argument or option that is the id of a person."""
    if not is_label(value):
        raise click.BadParameter(LABEL_RULE)
    return value


def nats_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the NATS server and its credentials; they arrive as `connect`, made for `load_settings`.

    A server given here takes precedence over a context from the environment.
    """

    @wraps(command)
    def with_connect(**options: Any) -> Any:
        connect = {name: options.pop(name) for name in _NATS_OPTIONS}
        if connect["nats_url"] is not None and connect["nats_context"] is None:
            connect["nats_context"] = ""
        return command(connect=connect, **options)

    decorated: Callable[..., Any] = with_connect
    for option in reversed(list(_NATS_OPTIONS.values())):
        decorated = option(decorated)
    return decorated
