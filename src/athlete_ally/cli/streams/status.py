"""`streams status`: show streams and durables on one screen."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress

import click
import msgspec
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.units_text import Size
from athlete_ally.ops.streams.overview import DurableRow, Overview, StreamRow, look
from athlete_ally.wiring.commands.streams import broker_session, wanted_by
from athlete_ally.wiring.services.event_loop import run

_EVERY_S = 2.0
# Output to a file or a pipe need not fit a terminal.
_WIDTH = 110
_STREAM = ("stream", "messages", "bytes", "of", "full", "oldest", "max_age", "copies")
_DURABLE = ("durable", "lag", "unacknowledged", "redelivered", "abandoned", "state")


@click.command()
@click.option("--watch", is_flag=True, help="Refresh every two seconds, until Ctrl-C.")
@settings_options
def status(*, watch: bool, settings: Settings, as_json: bool) -> None:
    """Show streams and durables on one screen: size, age of the oldest message, pending messages. (read-only)

    Exit code 0 when all exist and keep up, 2 when one is missing, paused, has abandoned messages, is beyond the end of
    its stream or lacks a copy.
    """
    if watch and not as_json:
        with suppress(KeyboardInterrupt):
            run(_watch(settings))
        return
    overview = run(_look(settings))
    if as_json:
        click.echo(msgspec.json.encode(overview).decode())
    else:
        Console(width=None if sys.stdout.isatty() else _WIDTH).print(_screen(overview))
    raise SystemExit(Exit.AS_DESIRED if overview.is_well else Exit.FINDINGS)


async def _look(settings: Settings) -> Overview:
    async with broker_session(settings) as broker:
        return await look(broker, wanted_by(settings))


async def _watch(settings: Settings) -> None:
    wanted = wanted_by(settings)
    async with broker_session(settings) as broker:
        overview = await look(broker, wanted)
        with Live(_screen(overview), auto_refresh=False) as live:
            while True:
                await asyncio.sleep(_EVERY_S)
                overview = await look(broker, wanted)
                live.update(_screen(overview), refresh=True)


def _screen(overview: Overview) -> Group:
    streams = _table(_STREAM)
    for row in overview.streams:
        streams.add_row(*_stream_cells(row))
    durables = _table(_DURABLE)
    for each in overview.durables:
        durables.add_row(*_durable_cells(each))
    return Group(streams, durables)


def _table(columns: Sequence[str]) -> Table:
    name, *figures = columns
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(name, no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _stream_cells(row: StreamRow) -> tuple[str, ...]:
    if row.missing:
        return row.name, "[red]missing[/]"
    full = f"{row.bytes / row.max_bytes:.0%}" if row.max_bytes > 0 else ""
    limit = str(Size(row.max_bytes)) if row.max_bytes > 0 else "no limit"
    oldest = "" if row.oldest_s is None else _age(row.oldest_s)
    copies = f"{row.replicas_current}/{row.replicas}"
    copies = copies if row.replicas_current >= row.replicas else f"[red]{copies}[/]"
    return row.name, f"{row.messages:,}", _size(row.bytes), limit, full, oldest, _age(row.max_age_s), copies


def _durable_cells(row: DurableRow) -> tuple[str, ...]:
    if row.missing:
        return row.name, "", "", "", "", "[red]missing[/]"
    state = "[yellow]paused[/]" if row.paused else "ok"
    if row.beyond_end:
        state = f"[red]skips {row.beyond_end:,} to come[/]"
    abandoned = f"[red]{row.abandoned:,}[/]" if row.abandoned else "0"
    return row.name, f"{row.lag:,}", f"{row.unacknowledged:,}", f"{row.redelivered:,}", abandoned, state


def _age(seconds: float) -> str:
    for unit, factor in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * factor:
            return f"{seconds / factor:.0f}{unit}"
    return f"{seconds:.0f}s"


def _size(count: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"
