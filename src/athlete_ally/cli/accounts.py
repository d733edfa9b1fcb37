"""`accounts`: whose an account at a vendor is."""

import csv
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import click

from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.cli.dlq.options import yes_option
from athlete_ally.cli.dlq.replay import replay
from athlete_ally.cli.dlq.text import counted
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import LABEL_RULE, env_file_option, is_label, json_option, label
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.ops.dead_letters.linked_accounts import letters_for
from athlete_ally.wiring.builders import known_vendors
from athlete_ally.wiring.commands.dlq import letter_tools_session
from athlete_ally.wiring.commands.session import postgres_session
from athlete_ally.wiring.services.event_loop import run

T = TypeVar("T")
_COLUMNS = ["vendor", "account", "user_id"]
_REPLAY = "webhooks that were dead-lettered as unknown-account can be replayed: athlete-ally dlq replay --help"

replay_option = click.option(
    "--replay", "replays", is_flag=True, help="Then replay the dead letters that wait for them, as `dlq replay` does."
)


@click.group()
def accounts() -> None:
    """Say whose an account at a vendor is. Ids of people are personal: they are in no log, series or header."""


@accounts.command()
@click.argument("vendor")
@click.argument("account", callback=label)
@click.argument("user", callback=label)
@replay_option
@yes_option
@env_file_option
@json_option
@click.pass_context
def add(context: click.Context, *, vendor: str, account: str, user: str, env_file: Path | None, **how: bool) -> None:
    """Link ACCOUNT at VENDOR to USER, our id of the person; one that is linked already moves. (changing)

    VENDOR is one of ours, or a sender of Standard Webhooks that AA_WEBHOOK_SENDERS names.
    """
    settings = load_settings(env_file)
    _require_known(settings, vendor)
    _link(context, settings, [Account(vendor, account, user)], env_file, **how)


@accounts.command("import")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@replay_option
@yes_option
@env_file_option
@json_option
@click.pass_context
def import_command(context: click.Context, *, path: Path, env_file: Path | None, **how: bool) -> None:
    """Link all accounts of a CSV file with the columns vendor, account and user_id. (changing)

    All of them or none: a line that can't be used is named, and nothing is linked.
    """
    settings = load_settings(env_file)
    _link(context, settings, _read(settings, path), env_file, **how)


@accounts.command("list")
@click.option("--vendor", help="Only accounts at this vendor.")
@env_file_option
@json_option
def list_command(*, vendor: str | None, env_file: Path | None, as_json: bool) -> None:
    """List accounts and whose they are. (read-only)"""
    found = _with_webhook_store(load_settings(env_file), lambda webhook_store: webhook_store.linked(vendor))
    if as_json:
        rows = [{"vendor": each.vendor, "account": each.account, "user_id": each.user_id} for each in found]
        click.echo(json.dumps({"accounts": rows}))
        return
    for each in found:
        click.echo(f"{each.vendor}  {each.account}  {each.user_id}")
    if not found:
        click.echo("no account is linked", err=True)


@accounts.command()
@click.argument("vendor")
@click.argument("account")
@env_file_option
@json_option
def remove(*, vendor: str, account: str, env_file: Path | None, as_json: bool) -> None:
    """Forget whose ACCOUNT at VENDOR is; what it delivers becomes a dead letter. (changing)

    Exit code 2 when it is not linked.
    """
    found = _with_webhook_store(load_settings(env_file), lambda webhook_store: webhook_store.unlink(vendor, account))
    if as_json:
        click.echo(json.dumps({"removed": int(found)}))
    else:
        click.echo("1 account removed" if found else "this account is not linked", err=not found)
    raise SystemExit(Exit.AS_DESIRED if found else Exit.FINDINGS)


def _link(  # noqa: PLR0913  # one for each option
    context: click.Context,
    settings: Settings,
    found: Sequence[Account],
    env_file: Path | None,
    *,
    replays: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Link accounts, and replay what waits for them where that is wanted: its document then is the only one."""
    _with_webhook_store(settings, lambda webhook_store: webhook_store.link(found))
    said = f"{counted(len(found), 'account')} linked"
    waiting = _waiting(settings, found) if replays else []
    if waiting:
        click.echo(f"{said}; {counted(len(waiting), 'dead letter')} of theirs", err=as_json)
        # What was replayed too early, however often, has a reason to come through now.
        context.invoke(replay, seq=tuple(waiting), force=True, yes=yes, env_file=env_file, as_json=as_json)
        return
    told = "no dead letter waits for them" if replays else _REPLAY
    click.echo(json.dumps({"linked": len(found)}) if as_json else f"{said}; {told}")


def _waiting(settings: Settings, found: Sequence[Account]) -> list[int]:
    async def main() -> list[int]:
        async with letter_tools_session(settings, changing=True) as letter_tools:
            return await letters_for(letter_tools.reader, {each.name: each for each in known_vendors(settings)}, found)

    return run(main())


def _with_webhook_store(settings: Settings, work: Callable[[PostgresWebhookStore], Awaitable[T]]) -> T:
    async def main() -> T:
        async with postgres_session(settings) as pool:
            return await work(PostgresWebhookStore(pool))

    return run(main())


def _require_known(settings: Settings, vendor: str, where: str = "") -> None:
    known = [each.name for each in known_vendors(settings)]
    if vendor not in known:
        nearest = get_close_matches(vendor, known, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise Misconfigured(f"{where}{vendor!r} is no vendor of ours, nor a sender in AA_WEBHOOK_SENDERS{hint}")


def _read(settings: Settings, path: Path) -> list[Account]:
    """Return the accounts of a file, each of them once."""
    found: dict[tuple[str, str], tuple[int, Account]] = {}
    for number, (vendor, account, user_id) in _rows(path):
        where = f"{path}, line {number}: "
        _require_known(settings, vendor, where)
        if not (is_label(account) and is_label(user_id)):
            raise Misconfigured(f"{where}account and user_id are needed, each with {LABEL_RULE}")
        first, known = found.setdefault((vendor, account), (number, Account(vendor, account, user_id)))
        if known.user_id != user_id:
            raise Misconfigured(f"{where}this account is another person's in line {first}: leave one of them out")
    return [account for _, account in found.values()]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines behind the first, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, None) != _COLUMNS:
                raise Misconfigured(f"{path}: the first line must be {','.join(_COLUMNS)}")
            for row in rows:
                if not row:
                    continue
                if len(row) != len(_COLUMNS):
                    raise Misconfigured(f"{path}, line {rows.line_num}: {', '.join(_COLUMNS)}, and nothing else")
                yield rows.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path}: not a CSV file in UTF-8 ({type(error).__name__})") from error
