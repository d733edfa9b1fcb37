"""`dlq`: look at dead letters."""

import json
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from athlete_ally.adapters.nats.letters import NatsLetters, StoredLetter
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core import headers
from athlete_ally.wiring.loop import run
from athlete_ally.wiring.session import nats_session

_COLUMNS = {
    "reason": headers.DLQ_REASON,
    "error": headers.DLQ_ERROR,
    "fingerprint": headers.DLQ_FINGERPRINT,
    "readings": headers.READINGS,
    "at": headers.DLQ_AT,
}


@click.group()
def dlq() -> None:
    """Look at dead letters: what could not be used, why, and where it came from."""


@dlq.command("list")
@env_file_option
@json_option
def list_command(*, env_file: Path | None, as_json: bool) -> None:
    """List all dead letters, without the readings in them. (read-only)"""
    letters = [_summary(letter) for letter in run(_all(load_settings(env_file)))]
    if as_json:
        click.echo(json.dumps({"letters": letters}))
        return
    shown = ("seq", "kind", "reason", "readings", "error", "at")
    title = "1 dead letter" if len(letters) == 1 else f"{len(letters)} dead letters"
    table = Table(*shown, box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for letter in letters:
        # Seconds are enough for a person, and leave room for the error.
        table.add_row(*(str({**letter, "at": letter["at"][:19]}[column]) for column in shown))
    Console().print(table)


@dlq.command()
@click.argument("seq", type=int)
@click.option("--reveal", is_flag=True, help="Print the body too: it holds personal health data.")
@env_file_option
@json_option
def show(*, seq: int, reveal: bool, env_file: Path | None, as_json: bool) -> None:
    """Show the dead letter with sequence SEQ: headers, and with --reveal its body. (read-only)

    Exit code 2 when there is none.
    """
    letter = run(_one(load_settings(env_file), seq))
    if letter is None:
        click.echo(f"there is no dead letter {seq} in AA_DLQ", err=True)
        raise SystemExit(Exit.FINDINGS)
    body = letter.body.decode(errors="replace") if reveal else None
    if as_json:
        click.echo(json.dumps({"seq": seq, "subject": letter.subject, "headers": letter.headers, "body": body}))
        return
    click.echo(f"{letter.subject}  (seq {seq})")
    for name, value in letter.headers.items():
        click.echo(f"  {name}: {value}")
    click.echo(body if body is not None else f"  body: {len(letter.body)} bytes of health data; --reveal prints it")


async def _all(settings: Settings) -> list[StoredLetter]:
    async with nats_session(settings) as connection:
        return [letter async for letter in NatsLetters(connection).all()]


async def _one(settings: Settings, sequence: int) -> StoredLetter | None:
    async with nats_session(settings) as connection:
        return await NatsLetters(connection).one(sequence)


def _summary(letter: StoredLetter) -> dict[str, Any]:
    values = {name: letter.headers.get(header, "") for name, header in _COLUMNS.items()}
    kind = letter.subject.split(".")[2]
    return {"seq": letter.sequence, "subject": letter.subject, "kind": kind, **values}
