"""`accounts remove`: forget whose an account is."""

import json
from pathlib import Path

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.commands.accounts import webhook_store_session
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("vendor")
@click.argument("account")
@env_file_option
@json_option
def remove(*, vendor: str, account: str, env_file: Path | None, as_json: bool) -> None:
    """Remove the link of ACCOUNT at VENDOR; data that it delivers afterwards becomes dead letters. (changing)

    Exit code 2 when it is not linked.
    """
    settings = load_settings(env_file)

    async def main() -> bool:
        async with webhook_store_session(settings) as webhook_store:
            return await webhook_store.unlink(vendor, account)

    found = run(main())
    if as_json:
        click.echo(json.dumps({"removed": int(found)}))
    else:
        click.echo("1 account removed" if found else "this account is not linked", err=not found)
    raise SystemExit(Exit.AS_DESIRED if found else Exit.FINDINGS)
