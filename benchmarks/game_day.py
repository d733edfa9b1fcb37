"""A game day: inject faults into a running system, wait for the alerts, apply the remedies, wait until the alerts end.

    uv run --group dev benchmarks/game_day.py
    uv run --group dev benchmarks/game_day.py --only "poison message" --pace 60
    uv run --group dev benchmarks/game_day.py --record

Runs nats-server, PostgreSQL, both services, Prometheus and Alertmanager in a temporary folder, with production's rules
at a faster pace from the same generator: at a pace of 30, five minutes take ten seconds. Needs the programs prometheus
and prometheus-alertmanager. Takes about ten minutes. Exit code 1 when an alert did not come or did not end.

`--record` puts the table into docs/explanation/game-day.md, and the day into the runbooks, if all drills passed.
"""

import argparse
import asyncio
import logging
import os
import platform
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "monitoring")]

from gameday.drills import DRILLS  # noqa: E402  # found only on the path above
from gameday.play import Played, play  # noqa: E402
from gameday.stage import stage  # noqa: E402

PAGE = ROOT / "docs" / "explanation" / "game-day.md"
RUNBOOKS = ROOT / "docs" / "runbooks" / "alerts"
BEGIN, END = "<!-- written by benchmarks/game_day.py --record -->\n", "<!-- end -->"


def main() -> int:
    """Run the drills and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=[drill.name for drill in DRILLS], help="play only this drill"
    )
    parser.add_argument("--pace", type=float, default=30, help="times faster than in production (default 30)")
    parser.add_argument("--record", action="store_true", help="write the outcome into the docs, if all passed")
    options = parser.parse_args()
    if options.record and options.only:
        parser.error("--record is for all drills in one run: leave out --only")
    # The client library logs a lot while a drill disturbs the broker.
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    return asyncio.run(play_all(options.only, options.pace, record=options.record))


async def play_all(only: list[str] | None, pace: float, *, record: bool) -> int:
    """Run the drills in order, up to the first that fails, because its remains would disturb the next."""
    played: list[Played] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="athlete-ally-game-day-") as folder:
        async with stage(Path(folder), pace) as ground:
            for drill in DRILLS:
                if only and drill.name not in only:
                    continue
                try:
                    played.append(await play(ground, drill, lambda line: print(line, flush=True)))
                except AssertionError as error:
                    print(f"  FAILED: {error}", flush=True)
                    failed.append(drill.name)
                    break
    if record and not failed:
        write_down(played, pace)
    print(f"{len(played)} drills played, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def write_down(played: list[Played], pace: float) -> None:
    """Write the table into its page, and the date into the runbooks of the alerts that fired."""
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert mark, f"{PAGE}: no {BEGIN}"
    assert end, f"{PAGE}: no {END}"
    PAGE.write_text(f"{before}{mark}\n{table(played, pace)}\n\n{end}{after}", encoding="utf-8")
    for alert in {alert for each in played for alert in each.heard_s}:
        runbook = RUNBOOKS / f"{alert}.md"
        text = re.sub(r"^last_drilled: .*$", f"last_drilled: {today()}", runbook.read_text("utf-8"), flags=re.MULTILINE)
        runbook.write_text(text, encoding="utf-8")


def today() -> str:
    """Return the day."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def table(played: list[Played], pace: float) -> str:
    """Return a table of how it went; times in seconds of the drill."""
    machine = f"CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    lines = [
        f"{today()}, one run, pace {pace:g}, {machine}.",
        "",
        "| drill | fault | alert | alert after (s) | remedy | resolved after (s) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in played:
        for number, (alert, heard_s) in enumerate(each.heard_s.items()):
            first = number == 0
            cells = (
                each.drill.name if first else "",
                each.drill.fault if first else "",
                f"[{alert}](../runbooks/alerts/{alert}.md)",
                f"{heard_s:.0f}",
                each.drill.remedy if first else "",
                f"{each.resolved_s:.0f}" if first else "",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
