"""`dlq list`, `top`, `stats`, `show`, `diff`, `journal`: looking at dead letters."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from athlete_ally.cli.dlq_options import filter_options, selection_from, shelf_option
from athlete_ally.cli.dlq_view import counted, sparkline, stream_json, table, warn_of_missing_history, when
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.diagnosis import differences
from athlete_ally.ops.documents import entry_document, groups_document, letter_document, summary
from athlete_ally.ops.grouping import Groups
from athlete_ally.ops.masking import masked_body, pretty_body
from athlete_ally.ops.selection import Selection
from athlete_ally.ops.standing import Standing
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.dead_letters import Office, actor, office_session
from athlete_ally.wiring.loop import run

_SHOWN_AT_ONCE = 100
# A value of ten thousand beats says no more than its beginning.
_WIDEST = 200


@click.command("list")
@filter_options
@shelf_option
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 100; with --json: all]")
@env_file_option
@json_option
def list_command(*, limit: int | None, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """List dead letters, without the readings in them. (read-only)

    Filters combine. Oldest first.
    """
    selection, settings = selection_from(options), load_settings(env_file)

    async def main() -> None:
        async with office_session(settings, changing=False) as office:
            warn_of_missing_history(office)
            if as_json:
                await stream_json("letters", _summaries(office, selection, limit), sys.stdout.write)
            else:
                await _print_list(office, selection, limit or _SHOWN_AT_ONCE)

    run(main())


async def _summaries(office: Office, selection: Selection, limit: int | None) -> AsyncIterator[dict[str, Any]]:
    count = 0
    async with aclosing(office.desk.read(selection)) as found:
        async for each in found:
            if each.is_done:
                continue
            if count == limit:
                return
            count += 1
            yield summary(each, with_history=not office.no_history)


async def _print_list(office: Office, selection: Selection, limit: int) -> None:
    rows: list[dict[str, Any]] = []
    more = 0
    async for each in _summaries(office, selection, None):
        if len(rows) < limit:
            rows.append(each)
        else:
            more += 1
    total = len(rows) + more
    shown = ("seq", "kind", "reason", "readings", "replays", "error", "at")
    listed = table(*shown, title=counted(total, "dead letter"))
    for row in rows:
        values = {**row, "at": row["at"][:19].replace("T", " "), "replays": _replays(row["replays"])}
        listed.add_row(*(escape(str(values[column])) for column in shown))
    console = Console()
    console.print(listed)
    if more:
        console.print(f"{more} more: narrow it down by a filter, or give --limit")


def _replays(number: int | None) -> str:
    return "?" if number is None else str(number)


@click.command()
@filter_options
@shelf_option
@env_file_option
@json_option
def top(*, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Group dead letters by how they failed, the largest group first. (read-only)

    Each group has one example and its arrivals of the last 24 hours.
    """
    groups, office_note = _grouped(selection_from(options), env_file)
    if as_json:
        click.echo(json.dumps(groups_document(groups)))
        return
    if office_note:
        click.echo(office_note, err=True)
    _print_groups(groups)


def _size_of(groups: Groups) -> str:
    sizes = (groups.letters, "letter"), (groups.readings, "reading"), (len(groups.by_fingerprint), "group")
    return ", ".join(counted(number, what) for number, what in sizes)


def _print_groups(groups: Groups) -> None:
    columns = ("group", "letters", "share", "kind", "reason", "error", "last seen", "24 hours", "e.g.")
    listed = table(*columns, title=_size_of(groups))
    for group in groups.largest():
        listed.add_row(
            group.fingerprint,
            str(group.letters),
            f"{group.share(groups.letters):.0%}",
            *(escape(each) for each in (group.source, group.reason, group.error)),
            when(group.last_seen),
            sparkline(group.by_hour),
            str(group.example),
        )
    Console().print(listed)


@click.command()
@filter_options
@shelf_option
@env_file_option
@json_option
def stats(*, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Count dead letters by kind and reason, with their size and age. (read-only)"""
    selection, settings = selection_from(options), load_settings(env_file)

    async def main() -> dict[str, Any]:
        async with office_session(settings, changing=False) as office:
            return await _stats(office, selection)

    counted = run(main())
    if as_json:
        click.echo(json.dumps(counted))
        return
    for name, value in counted.items():
        text = ", ".join(f"{key} {number}" for key, number in value.items()) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType]  # our own document
        click.echo(f"{name:<16}{text}")


async def _stats(office: Office, selection: Selection) -> dict[str, Any]:
    groups = Groups(now())
    by_kind: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    oldest, replayed = None, 0
    async with aclosing(office.desk.read(selection)) as found:
        async for each in found:
            letter = each.letter
            groups.add(letter, each.readings)
            name = letter.kind or letter.vendor or "other"
            by_kind[name] = by_kind.get(name, 0) + 1
            by_reason[letter.reason] = by_reason.get(letter.reason, 0) + 1
            replayed += each.replays > 0
            oldest = min(oldest or letter.dead_since, letter.dead_since)
    return {
        "letters": groups.letters,
        "readings": groups.readings,
        "groups": len(groups.by_fingerprint),
        "bytes": groups.bytes,
        "replayed": None if office.no_history else replayed,
        "oldest": oldest and oldest.isoformat(timespec="milliseconds"),
        "by_kind": by_kind,
        "by_reason": by_reason,
    }


@click.command()
@click.argument("seq", type=int)
@click.option("--reveal", is_flag=True, help="Print the body with its personal data; the journal notes who did.")
@env_file_option
@json_option
def show(*, seq: int, reveal: bool, env_file: Path | None, as_json: bool) -> None:
    """Show the dead letter with sequence SEQ: what its headers say, its replays, its body masked. (read-only)

    Exit code 2 when there is none. With --reveal it needs the database, for the journal.
    """
    settings = load_settings(env_file)

    async def main() -> tuple[Standing | None, str]:
        async with office_session(settings, changing=reveal) as office:
            found = await office.desk.one(seq)
            if found is not None and reveal:
                await office.cabinet(actor()).reveal(found)
            return found, office.no_history

    found, no_history = run(main())
    if found is None:
        raise _nobody(seq)
    body = pretty_body(found.letter.body) if reveal else masked_body(found.letter.body)
    if as_json:
        click.echo(json.dumps(letter_document(found, reveal=reveal, with_history=not no_history)))
    else:
        _print_letter(found, body, no_history)


def _print_letter(found: Standing, body: str, no_history: str) -> None:
    letter = found.letter
    click.echo(f"{letter.subject}  (seq {letter.sequence})")
    by = letter.durable or "nobody known"
    click.echo(f"  {counted(letter.readings, 'reading')}, given up {when(letter.dead_since)} by {by}")
    click.echo(f"  because {letter.reason}: {letter.error}")
    for name, value in letter.headers.items():
        click.echo(f"  {name}: {value}")
    if no_history:
        click.echo(f"  replays: not known ({no_history})")
    elif found.letter.replays:
        click.echo(f"  replayed {found.letter.replays} times before it came here")
    for number, attempt in enumerate(found.attempts, start=1 + found.letter.replays):
        why = f": {attempt.rejected[0].error}" if attempt.rejected else ""
        counts = f"{attempt.stored} stored, {attempt.superseded} superseded, {len(attempt.rejected)} failed again{why}"
        click.echo(f"  replay {number}, {when(attempt.at)}: {counts}")
    click.echo(body)


@click.command()
@click.argument("seq", type=int)
@click.option("--reveal", is_flag=True, help="Print the values, which are personal data; the journal notes who did.")
@env_file_option
@json_option
def diff(*, seq: int, reveal: bool, env_file: Path | None, as_json: bool) -> None:
    """Say which fields of the letter SEQ today's code refuses: value, what is expected, what helps. (read-only)

    Exit code 0 when all its readings would pass, 2 when some would not, or there is no such letter.
    """
    settings = load_settings(env_file)

    async def main() -> tuple[Standing, list[Any], str]:
        async with office_session(settings, changing=reveal) as office:
            found = await office.desk.one(seq)
            if found is None:
                raise _nobody(seq)
            if reveal:
                await office.cabinet(actor()).reveal(found)
            prediction = await office.rehearsals.predict(found)
            return found, differences(found, prediction.rejected, reveal=reveal), prediction.unknown

    found, found_differences, unknown = run(main())
    if as_json:
        document = {"seq": seq, "differences": [asdict(each) for each in found_differences], "unknown": unknown}
        click.echo(json.dumps(document))
    elif unknown:
        click.echo(unknown)
    elif not found_differences:
        click.echo(
            f"today's code would take {counted(found.readings, 'reading')}: `athlete-ally dlq replay {seq}` sends them"
        )
    else:
        _print_differences(found_differences)
    raise SystemExit(Exit.FINDINGS if found_differences or unknown else Exit.AS_DESIRED)


def _print_differences(found: list[Any]) -> None:
    for each in found:
        click.echo(f"reading {each.index}, {each.field or 'as a whole'} ({each.reason})")
        if each.field:
            click.echo(f"  value     {json.dumps(each.value)}"[:_WIDEST])
        click.echo(f"  expected  {each.expected}")
        click.echo(f"  remedy    {each.remedy}")


@click.command()
@click.option("--run", "run_id", help="Only what this run did, all of it and in order.")
@click.option("--letter", help="Only what was done to this letter (its identity, as `show --json` prints it).")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The latest so many lines.")
@env_file_option
@json_option
def journal(*, run_id: str | None, letter: str | None, limit: int, env_file: Path | None, as_json: bool) -> None:
    """Show who did what to dead letters, when, and what came of it. (read-only)"""
    settings = load_settings(env_file)

    async def main() -> list[dict[str, Any]]:
        async with office_session(settings, changing=True) as office:
            if run_id is not None:
                found = list(await office.journal.entries_of(run_id))
            else:
                found = list(reversed(await office.journal.read(letter=letter, limit=limit)))
            return [entry_document(each) for each in found]

    lines = run(main())
    if as_json:
        click.echo(json.dumps({"entries": lines}))
        return
    columns = ("at", "run", "actor", "act", "step", "seq", "details")
    listed = table(*columns, title=counted(len(lines), "line"))
    for line in lines:
        values = (line["at"][:19].replace("T", " "), line["run"], line["actor"], line["act"], line["step"])
        listed.add_row(*values, str(line["sequence"] or ""), escape(_details(line["details"])))
    Console().print(listed)


def _details(details: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in details.items() if value not in (None, "", 0, {}))


def _grouped(selection: Selection, env_file: Path | None) -> tuple[Groups, str]:
    settings = load_settings(env_file)

    async def main() -> tuple[Groups, str]:
        async with office_session(settings, changing=False) as office:
            groups = await office.desk.groups(selection)
            note = f"warning: replays of letters are not known: {office.no_history}" if office.no_history else ""
            return groups, note

    return run(main())


def _nobody(seq: int) -> SystemExit:
    click.echo(f"there is no dead letter {seq} in AA_DLQ", err=True)
    return SystemExit(Exit.FINDINGS)
