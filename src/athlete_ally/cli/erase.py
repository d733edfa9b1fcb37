"""`erase`: delete one person's data from streams and tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.byte_bar import progress
from athlete_ally.cli.confirm import ask_to_type
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.ops.people.erasure import Erasure, require_disentangled
from athlete_ally.ops.people.inventory import Inventory, Tally
from athlete_ally.wiring.commands.erase import Who, backups_that_may_hold, count_person_data, erase_person
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("person")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="VENDOR=ID",
    help="An account of the person that is no longer linked. May be repeated.",
)
@click.option("--apply", "is_applied", is_flag=True, help="Erase; without this, only count.")
@click.option(
    "--confirm", "typed", metavar="PERSON", help="The person's id once more, instead of typing it when asked."
)
@click.option("--unreadable", is_flag=True, help="Also erase dead letters that name the person and can't be read.")
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for workers to process the person's messages.",
)
@click.option(
    "--backups",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of backups; those that may hold data of the person are listed. May be repeated.",
)
@settings_options
def erase(  # noqa: PLR0913  # one for each option
    *,
    person: str,
    accounts: Sequence[str],
    is_applied: bool,
    typed: str | None,
    unreadable: bool,
    wait_s: int,
    backups: Sequence[Path],
    settings: Settings,
    as_json: bool,
) -> None:
    """Erase PERSON, our id, from AA_CORE_HOT, AA_VENDOR_HOT, AA_DLQ, the message journal and all tables. (changing)

    Reaches the journal of this machine only: run it on each machine that has one. Counts first. With --apply it asks
    you to type the id, erases, and checks everything again. Readings of others that share a message with the person
    are never lost. To finish a run that was killed, run it again. Data that is sent afterwards is accepted as before.
    Exit code 0: no data is held; 2: data was counted; 3: refused, nothing was changed; 6: some data is left, or
    arrived meanwhile.
    """
    who = Who(person, frozenset(map(_account, accounts)))
    copies = backups_that_may_hold(backups)
    with progress(quiet=as_json) as tell:
        inventory = run(count_person_data(settings, who, tell))
    document = {"schema": 1, "applied": False, **_document(inventory), "backups": [str(path) for path, _ in copies]}
    if not as_json:
        click.echo(
            "\n".join([*_lines(inventory), *(f"backup {path}: may hold data of the person" for path, _ in copies)])
        )
    if is_applied and not inventory.is_empty:
        require_disentangled(inventory, unreadable_too=unreadable)
        ask_to_type(person, of_what="the person's id", given=typed, otherwise="--confirm PERSON")
        with progress(quiet=as_json) as tell:
            erased = run(erase_person(settings, who, inventory, tell, unreadable_too=unreadable, wait_s=wait_s))
        document |= {"applied": True, "erased": asdict(erased)}
        if not as_json:
            click.echo("\n".join(_done(inventory, erased)))
    if as_json:
        click.echo(json.dumps(document))
    raise SystemExit(Exit.AS_DESIRED if is_applied or inventory.is_empty else Exit.FINDINGS)


def _account(text: str) -> tuple[str, str]:
    vendor, equals, account = text.partition("=")
    if not (vendor and equals and account):
        raise click.BadParameter("expected VENDOR=ID, for example oura=1234", param_hint="--account")
    return vendor, account


def _lines(inventory: Inventory) -> list[str]:
    if inventory.is_empty:
        return ["no data of this person is held"]
    rows = [f"{table} {count:,}" for table, count in sorted(inventory.rows.items()) if count]
    held = _counted(inventory.journal_entries, "entry", "entries") if inventory.journal_entries else "none"
    journal = f"message journal: {held}"
    stuck = [f"  {inventory.journal_entangled:,} that can't be split yet"] if inventory.journal_entangled else []
    about = (line for tally in inventory.streams for line in _about(tally))
    return [*about, journal, *stuck, f"rows: {', '.join(rows) or 'none'}"]


def _about(tally: Tally) -> list[str]:
    people = "1 other person" if tally.people == 1 else f"{tally.people:,} other people"
    mixed = f"; {tally.mixed:,} also hold data of {people}" if tally.mixed else ""
    held = f"{_messages(tally.messages)} with {tally.readings:,} of the person's readings{mixed}"
    waiting = [f"  {count:,} not yet processed by {name}" for name, (count, _) in sorted(tally.unacknowledged.items())]
    letters = {"can't be split": tally.entangled, "unreadable": tally.unreadable}
    stuck = [f"  {count:,} that {why}" for why, count in letters.items() if count]
    return [f"{tally.stream}: {held if tally.messages else 'none'}", *waiting, *stuck]


def _messages(count: int) -> str:
    return _counted(count, "message", "messages")


def _counted(count: int, one: str, many: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {many}"


def _done(inventory: Inventory, erased: Erasure) -> list[str]:
    letters = "1 dead letter" if erased.split == 1 else f"{erased.split:,} dead letters"
    split = f", {letters} kept without the person" if erased.split else ""
    rows = "1 row" if erased.rows == 1 else f"{erased.rows:,} rows"
    entries = (
        f", {_counted(erased.journal_entries, 'journal entry', 'journal entries')}" if erased.journal_entries else ""
    )
    done = f"erased {_messages(erased.messages)}{entries} and {rows}{split}; nothing is left"
    senders = ", ".join(inventory.vendors)
    later = f"{senders} may keep sending: withdraw the permission there, then run this again" if senders else ""
    return [done, *([later] if later else [])]


def _document(inventory: Inventory) -> dict[str, Any]:
    streams = [
        {
            "stream": tally.stream,
            "messages": tally.messages,
            "readings": tally.readings,
            "mixed": tally.mixed,
            "other_people": tally.people,
            "unsettled": {name: count for name, (count, _) in tally.unacknowledged.items()},
            "entangled": tally.entangled,
            "unreadable": tally.unreadable,
        }
        for tally in inventory.streams
    ]
    journal = {"entries": inventory.journal_entries, "entangled": inventory.journal_entangled}
    return {"streams": streams, "journal": journal, "rows": dict(inventory.rows), "vendors": list(inventory.vendors)}
