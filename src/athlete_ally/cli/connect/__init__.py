"""`connect`: links with which people connect their accounts at vendors, and the encryption of their tokens."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "link": "athlete_ally.cli.connect.link:link",
    "rekey": "athlete_ally.cli.connect.rekey:rekey",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def connect() -> None:
    """Make links with which people connect their vendors' accounts; encrypt the stored tokens with a new key."""
