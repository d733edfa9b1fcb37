"""`accounts import`: link all accounts of a CSV file."""

import csv
from collections.abc import Iterator
from pathlib import Path

import click

from athlete_ally.cli.accounts.link import link, replay_option, require_known
from athlete_ally.cli.dlq.options import yes_option
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import LABEL_RULE, env_file_option, is_label
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.webhook_store import Account

_COLUMNS = ["vendor", "account", "user_id"]


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@replay_option
@yes_option
@env_file_option
@json_option
@click.pass_context
def import_command(context: click.Context, *, path: Path, env_file: Path | None, **how: bool) -> None:
    """Link all accounts of a CSV file with the columns vendor, account and user_id. (changing)

    All or nothing: when a line is invalid, the command names it and links nothing.
    """
    settings = load_settings(env_file)
    link(context, settings, _read(settings, path), env_file, **how)


def _read(settings: Settings, path: Path) -> list[Account]:
    """Return the accounts of a file without duplicates."""
    found: dict[tuple[str, str], tuple[int, Account]] = {}
    for number, (vendor, account, user_id) in _rows(path):
        where = f"{path}, line {number}: "
        require_known(settings, vendor, where)
        if not (is_label(account) and is_label(user_id)):
            raise Misconfigured(f"{where}account and user_id are required, each with {LABEL_RULE}")
        first, known = found.setdefault((vendor, account), (number, Account(vendor, account, user_id)))
        if known.user_id != user_id:
            raise Misconfigured(f"{where}line {first} links this account to another person: remove one of them")
    return [account for _, account in found.values()]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines after the header, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, None) != _COLUMNS:
                raise Misconfigured(f"{path}: the first line must be {','.join(_COLUMNS)}")
            for row in rows:
                if not row:
                    continue
                if len(row) != len(_COLUMNS):
                    raise Misconfigured(f"{path}, line {rows.line_num}: expected only {', '.join(_COLUMNS)}")
                yield rows.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path}: not a CSV file in UTF-8 ({type(error).__name__})") from error
