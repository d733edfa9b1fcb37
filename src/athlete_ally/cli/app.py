"""The root command and the list of all commands."""

import click

from athlete_ally import __version__
from athlete_ally.cli.accounts import accounts
from athlete_ally.cli.connect import connect
from athlete_ally.cli.demo import demo
from athlete_ally.cli.dlq import dlq
from athlete_ally.cli.doctor import doctor
from athlete_ally.cli.import_ import import_group
from athlete_ally.cli.keys import keys
from athlete_ally.cli.migrate import migrate_command
from athlete_ally.cli.services import console, fetch, ingest, normalize
from athlete_ally.cli.streams import streams
from athlete_ally.cli.up import up

_EXIT_CODES = """
Exit codes: 0 as desired, 1 error or could not tell, 2 differences or findings, 3 refused because unsafe,
4 wrong target, 5 stale plan, 6 done but verification failed.
"""


@click.group(epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def cli() -> None:
    """Take wearable data in and never lose it.

    Settings come from flags, the environment and .env, in this order. Commands marked (read-only) change nothing;
    those marked (changing) do.
    """


for command in (
    up,
    demo,
    ingest,
    normalize,
    fetch,
    console,
    connect,
    migrate_command,
    streams,
    dlq,
    import_group,
    accounts,
    keys,
    doctor,
):
    cli.add_command(command)
