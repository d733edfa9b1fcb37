"""`accounts`: whose an account at a vendor is."""

import csv
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from athlete_ally.adapters.postgres.webhooks import PostgresWebhooks
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.webhook_books import Account
from athlete_ally.wiring.loop import run
from athlete_ally.wiring.session import postgres_session

T = TypeVar("T")
_COLUMNS = ["vendor", "account", "user_id"]
_REPLAY = "webhooks that were dead-lettered as unknown-account can be replayed: athlete-ally dlq replay --help"


@click.group()
def accounts() -> None:
    """Say whose an account at a vendor is. Ids of people are personal: they are in no log, series or header."""


@accounts.command()
@click.argument("vendor")
@click.argument("account")
@click.argument("user")
@env_file_option
def add(*, vendor: str, account: str, user: str, env_file: Path | None) -> None:
    """Link ACCOUNT at VENDOR to USER, our id of the person; one that is linked already moves. (changing)"""
    _with_books(env_file, lambda books: books.link([Account(vendor, account, user)]))
    click.echo(f"1 account linked; {_REPLAY}")


@accounts.command("import")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@env_file_option
def import_command(*, path: Path, env_file: Path | None) -> None:
    """Link all accounts of a CSV file with the columns vendor, account and user_id. (changing)

    All of them or none: a line that lacks a value is named, and nothing is linked.
    """
    found = _read(path)
    _with_books(env_file, lambda books: books.link(found))
    click.echo(f"{len(found)} accounts linked; {_REPLAY}")


@accounts.command("list")
@click.option("--vendor", help="Only accounts at this vendor.")
@env_file_option
@json_option
def list_command(*, vendor: str | None, env_file: Path | None, as_json: bool) -> None:
    """List accounts and whose they are. (read-only)"""
    found = _with_books(env_file, lambda books: books.linked(vendor))
    if as_json:
        rows = [{"vendor": each.vendor, "account": each.account, "user_id": each.user_id} for each in found]
        click.echo(json.dumps({"accounts": rows}))
        return
    for each in found:
        click.echo(f"{each.vendor}  {each.account}  {each.user_id}")


@accounts.command()
@click.argument("vendor")
@click.argument("account")
@env_file_option
def remove(*, vendor: str, account: str, env_file: Path | None) -> None:
    """Forget whose ACCOUNT at VENDOR is; what it delivers becomes a dead letter. (changing)

    Exit code 2 when it is not linked.
    """
    found = _with_books(env_file, lambda books: books.unlink(vendor, account))
    click.echo("1 account removed" if found else "this account is not linked", err=not found)
    raise SystemExit(Exit.AS_DESIRED if found else Exit.FINDINGS)


def _with_books(env_file: Path | None, work: Callable[[PostgresWebhooks], Awaitable[T]]) -> T:
    settings = load_settings(env_file)

    async def main() -> T:
        async with postgres_session(settings) as pool:
            return await work(PostgresWebhooks(pool))

    return run(main())


def _read(path: Path) -> list[Account]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != _COLUMNS:
            raise Misconfigured(f"{path}: the first line must be {','.join(_COLUMNS)}")
        found: dict[tuple[str, str], Account] = {}
        for number, row in enumerate(rows, start=2):
            if not all(row.get(column) for column in _COLUMNS):
                raise Misconfigured(f"{path}, line {number}: vendor, account and user_id are all needed")
            found[row["vendor"], row["account"]] = Account(row["vendor"], row["account"], row["user_id"])
    return list(found.values())
