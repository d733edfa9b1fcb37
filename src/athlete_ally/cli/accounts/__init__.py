"""`accounts`: link vendors' accounts to people."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "add": "athlete_ally.cli.accounts.add:add",
    "import": "athlete_ally.cli.accounts.import_:import_command",
    "list": "athlete_ally.cli.accounts.list_:list_command",
    "remove": "athlete_ally.cli.accounts.remove:remove",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def accounts() -> None:
    """Link vendors' accounts to people. Ids of people are personal: none is in a log, series or header."""
