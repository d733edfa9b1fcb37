"""The root command and the list of all commands."""

import click

from athlete_ally import __version__
from athlete_ally.cli.lazy import LazyGroup

_EXIT_CODES = """
Exit codes: 0 as desired, 1 error or unknown, 2 differences or findings, 3 refused because unsafe,
4 wrong target, 5 stale plan, 6 done but verification failed.
"""
_COMMANDS = {
    "accounts": "athlete_ally.cli.accounts:accounts",
    "api": "athlete_ally.cli.api:api",
    "backfill": "athlete_ally.cli.backfill:backfill",
    "connect": "athlete_ally.cli.connect:connect",
    "console": "athlete_ally.cli.console:console",
    "demo": "athlete_ally.cli.demo:demo",
    "dlq": "athlete_ally.cli.dlq:dlq",
    "doctor": "athlete_ally.cli.doctor:doctor",
    "erase": "athlete_ally.cli.erase:erase",
    "fetch": "athlete_ally.cli.fetch:fetch",
    "import": "athlete_ally.cli.import_:import_group",
    "ingest": "athlete_ally.cli.ingest:ingest",
    "keys": "athlete_ally.cli.keys:keys",
    "lineage": "athlete_ally.cli.lineage:lineage",
    "migrate": "athlete_ally.cli.migrate:migrate_command",
    "normalize": "athlete_ally.cli.normalize:normalize",
    "simulate": "athlete_ally.cli.simulate:simulate",
    "streams": "athlete_ally.cli.streams:streams",
    "up": "athlete_ally.cli.up:up",
}


@click.group(
    cls=LazyGroup,
    places=_COMMANDS,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
def cli() -> None:
    """Ingest wearable health data without losing any of it.

    Settings come from options, the environment and .env, in this order. Commands marked (read-only) change nothing;
    those marked (changing) do.
    """
