"""`keys`: the API keys of clients, the nkeys of users of the NATS server, and the key of vendors' tokens."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "create": "athlete_ally.cli.keys.create:create",
    "list": "athlete_ally.cli.keys.list_:list_command",
    "nkey": "athlete_ally.cli.keys.nkey:nkey",
    "revoke": "athlete_ally.cli.keys.revoke:revoke",
    "token": "athlete_ally.cli.keys.token:token",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def keys() -> None:
    """Create, list and revoke API keys of clients; make keys for NATS and for vendors' tokens.

    Ingest sees a change within a second.
    """
