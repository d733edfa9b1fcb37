"""`accounts add`: link one account."""

from pathlib import Path

import click

from athlete_ally.cli.accounts.link import link, replay_option, require_known
from athlete_ally.cli.dlq.options import yes_option
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option, label
from athlete_ally.config.settings import load_settings
from athlete_ally.core.vendor.webhook_store import Account


@click.command()
@click.argument("vendor")
@click.argument("account", callback=label)
@click.argument("user", callback=label)
@replay_option
@yes_option
@env_file_option
@json_option
@click.pass_context
def add(context: click.Context, *, vendor: str, account: str, user: str, env_file: Path | None, **how: bool) -> None:
    """Link ACCOUNT at VENDOR to USER, our id of the person. An existing link is replaced. (changing)

    VENDOR is a supported vendor, or a sender of Standard Webhooks that AA_WEBHOOK_SENDERS names.
    """
    settings = load_settings(env_file)
    require_known(settings, vendor)
    link(context, settings, [Account(vendor, account, user)], env_file, **how)
