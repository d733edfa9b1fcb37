"""`connect`: how people connect their accounts at vendors, and what was connected."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "link": "athlete_ally.cli.connect.link:link",
    "rekey": "athlete_ally.cli.connect.rekey:rekey",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def connect() -> None:
    """Make links with which people connect their vendors' accounts; renew the encryption of what they gave."""
