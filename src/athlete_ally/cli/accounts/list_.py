"""`accounts list`: which accounts are linked, and to whom."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.wiring.commands.accounts import webhook_store_session
from athlete_ally.wiring.services.event_loop import run


@click.command("list")
@click.option("--vendor", help="Only accounts at this vendor.")
@env_file_option
@json_option
def list_command(*, vendor: str | None, env_file: Path | None, as_json: bool) -> None:
    """List accounts and the people they are linked to. (read-only)"""
    settings = load_settings(env_file)

    async def main() -> Sequence[Account]:
        async with webhook_store_session(settings) as webhook_store:
            return await webhook_store.linked(vendor)

    found = run(main())
    if as_json:
        rows = [{"vendor": each.vendor, "account": each.account, "user_id": each.user_id} for each in found]
        click.echo(json.dumps({"accounts": rows}))
        return
    for each in found:
        click.echo(f"{each.vendor}  {each.account}  {each.user_id}")
    if not found:
        click.echo("no account is linked", err=True)
