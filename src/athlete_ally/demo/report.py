"""The demo's report: counts at each stage, the records, the dead letters and the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from athlete_ally.demo.reconciliation import Reconciliation, percentile
from athlete_ally.demo.webhook_reconciliation import WebhookReconciliation, together

_BARS = "▁▂▃▄▅▆▇█"
# The longest three names beside each other leave a terminal of 80 columns whole.
_KINDS_A_LINE = 3


@dataclass(frozen=True, slots=True)
class Heart:
    """The result of one recording: its record of the morning, and rMSSD minute by minute (milliseconds).

    The figures are None where the recording as a whole was refused.
    """

    name: str
    day: date
    beats: int
    rmssd_ms: float | None
    ln_rmssd: float | None
    sdnn_ms: float | None
    artefacts: int | None
    minutes_rmssd_ms: Sequence[float]


def show(
    console: Console, reconciliation: Reconciliation, hearts: Sequence[Heart], letters: Sequence[Mapping[str, str]]
) -> None:
    """Print everything."""
    console.print(_flow(reconciliation))
    console.print(_webhooks(reconciliation.vendors))
    console.print(_hearts(hearts))
    if letters:
        console.print(_letters(letters))
    console.print(_ledger(reconciliation))


def sparkline(values: Sequence[float], width: int = 13) -> str:
    """Return a line of bars, each the mean of an equal share of the values."""
    if not values:
        return ""
    width = min(width, len(values))
    means = [
        sum(share) / len(share)
        for share in (values[len(values) * at // width : len(values) * (at + 1) // width] for at in range(width))
    ]
    low, high = min(means), max(means)
    span = (high - low) or 1
    return "".join(_BARS[round((mean - low) / span * (len(_BARS) - 1))] for mean in means)


def _flow(reconciliation: Reconciliation) -> RenderableType:
    heard = reconciliation.heard
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(heard.statuses.items()))
    p50, p99 = percentile(reconciliation.latencies_ms, 50), percentile(reconciliation.latencies_ms, 99)
    table = Table.grid(padding=(0, 2))
    table.add_row("clients", f"{heard.sent} sent", f"answers: {answers}")
    table.add_row("  │", f"{heard.refused} refused", "4xx: the sender's mistake, located for it")
    table.add_row("ingest", f"{reconciliation.duplicates} duplicates", "recognised by content, stored once")
    table.add_row("  │", f"{heard.accepted} accepted", "202 once the message is on disk")
    table.add_row("unpack", f"{reconciliation.unpacked} unpacked", "from vendors: see below")
    table.add_row(
        "AA_CORE_HOT", f"{reconciliation.pending} pending", f"nats-server {reconciliation.servers['nats']}, sync always"
    )
    table.add_row("  │", "", f"202 to row: p50 {p50} ms, p99 {p99} ms")
    table.add_row("normalize", f"{reconciliation.superseded} superseded", "by a later capture of the same period")
    table.add_row(
        "  ├─▶ AA_DLQ", f"{reconciliation.dead_lettered} dead-lettered", _reasons(reconciliation.dead_letters_by_reason)
    )
    table.add_row(
        "PostgreSQL", f"{reconciliation.stored} stored", f"server {reconciliation.servers['postgres']}; records:"
    )
    for kinds in _in_lines(reconciliation.records):
        table.add_row("", "", kinds)
    return Panel(table, title="where the readings went", title_align="left", expand=False)


def _webhooks(vendors: Mapping[str, WebhookReconciliation]) -> RenderableType:
    both = together(list(vendors.values()))
    kept, documents = sum(both.webhooks.values()), sum(both.documents.values())
    shaken = [each.title for each in vendors.values() if each.complaints is not None]
    senders = ", ".join(f"{each.title} {each.sent}" for each in vendors.values())
    asked = ", ".join(each.title for each in vendors.values() if each.named)
    handshake = "; ".join(both.complaints or ()) or "answered correctly"
    table = Table.grid(padding=(0, 2))
    table.add_row("vendors", f"{both.sent} sent", f"{senders}; people connected: {both.people}")
    table.add_row("  │", "handshake", f"{', '.join(shaken)}: {handshake}")
    table.add_row("  │", f"{both.refused} refused", f"401: signed with another secret; counted: {both.counted}")
    table.add_row("ingest", f"{both.duplicates} duplicates", "recognised by content, stored once")
    table.add_row("AA_VENDOR_HOT", f"{kept} stored", "as received; 2xx once on disk")
    table.add_row("fetch", f"{documents} documents", f"named in webhooks, fetched from {asked}")
    table.add_row("unpack", f"{both.readings} readings", "from webhooks and documents, on to AA_CORE_HOT")
    return Panel(table, title="where the webhooks went (simulated vendors)", title_align="left", expand=False)


def _in_lines(records: Mapping[str, int]) -> list[str]:
    each = [f"{number} {kind}" for kind, number in records.items() if number]
    return [", ".join(each[first : first + _KINDS_A_LINE]) for first in range(0, len(each), _KINDS_A_LINE)]


def _reasons(by_reason: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in by_reason.items())


def _hearts(hearts: Sequence[Heart]) -> RenderableType:
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title="real heartbeat recordings, normalised (dates are synthetic)",
        title_justify="left",
        expand=False,
    )
    table.add_column("recording", no_wrap=True)
    table.add_column("day", no_wrap=True)
    for name in ("rMSSD", "SDNN", "lnRMSSD", "artefacts"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("by the minute", no_wrap=True)
    for heart in hearts:
        artefacts = "refused" if heart.artefacts is None else f"{heart.artefacts / heart.beats:.1%}"
        table.add_row(
            heart.name,
            heart.day.strftime("%m-%d"),
            _number(heart.rmssd_ms, 1),
            _number(heart.sdnn_ms, 1),
            _number(heart.ln_rmssd, 3),
            artefacts,
            sparkline(heart.minutes_rmssd_ms),
        )
    return table


def _letters(letters: Sequence[Mapping[str, str]]) -> RenderableType:
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title="dead letters: rejected data, kept for review",
        title_justify="left",
        expand=False,
    )
    for name in ("seq", "kind", "reason", "error", "readings"):
        table.add_column(name)
    for letter in letters:
        table.add_row(*(letter[name] for name in ("seq", "kind", "reason", "error", "readings")))
    return Group(table, Text("to inspect them: demo --keep, then athlete-ally dlq list | dlq show SEQ"))


def _ledger(demo: Reconciliation) -> RenderableType:
    heard, vendors = demo.heard, together(list(demo.vendors.values()))
    parts = (
        f"{heard.sent} sent + {demo.unpacked} unpacked\n"
        f"        = {demo.stored} stored + {demo.superseded} superseded + {demo.duplicates} duplicates\n"
        f"        + {heard.refused} refused + {demo.dead_lettered} dead-lettered + {demo.pending} pending "
        f"+ {demo.unaccounted} unaccounted\n"
        f"        {vendors.sent} webhooks = {_results(vendors.webhooks)}\n"
        f"        + {vendors.duplicates} duplicates + {vendors.refused} refused + {vendors.unaccounted} unaccounted\n"
        f"        {vendors.named} documents named = {_results(vendors.documents)} + {vendors.not_fetched} unaccounted"
    )
    verdict = "nothing was lost" if demo.is_balanced else "THE LEDGER DOES NOT BALANCE"
    style = "bold green" if demo.is_balanced else "bold red"
    return Text.assemble("ledger: ", parts, "\n", (f"{verdict}; {demo.seconds:.1f} s", style))


def _results(by_result: Mapping[str, int]) -> str:
    return " + ".join(f"{count} {result.replace('_', ' ')}" for result, count in by_result.items()) or "0"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
