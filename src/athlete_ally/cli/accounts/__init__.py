"""`accounts`: whose an account at a vendor is."""

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
    """Say whose an account at a vendor is. Ids of people are personal: they are in no log, series or header."""
