"""A game day: break a live system in the ways that alerts are there for, be called, mend it, hear that it is over.

    uv run benchmarks/game_day.py
    uv run benchmarks/game_day.py --only "poison message" --pace 60
    uv run benchmarks/game_day.py --markdown

Runs nats-server, PostgreSQL, both services, Prometheus and Alertmanager in a throw-away folder, with production's rules
at a faster pace from the same generator: at a pace of 30, five minutes take ten seconds. Needs the programs prometheus
and prometheus-alertmanager. Takes about ten minutes. Exit code 1 when an alert did not come or did not end.
"""

import argparse
import asyncio
import logging
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "monitoring")]

from gameday.drills import DRILLS  # noqa: E402  # found only on the path above
from gameday.play import Played, play  # noqa: E402
from gameday.stage import stage  # noqa: E402


def main() -> int:
    """Play the drills and print how they went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=[drill.name for drill in DRILLS], help="play only this drill"
    )
    parser.add_argument("--pace", type=float, default=30, help="times faster than in production (default 30)")
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs at the end")
    options = parser.parse_args()
    # The client library says at length what a drill does to the broker.
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    return asyncio.run(play_all(options.only, options.pace, markdown=options.markdown))


async def play_all(only: list[str] | None, pace: float, *, markdown: bool) -> int:
    """Play one after the other, up to the first that fails: what it left behind would spoil the next."""
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
    if markdown:
        print(table(played, pace))
    print(f"{len(played)} drills played, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def table(played: list[Played], pace: float) -> str:
    """Return a table of how it went; times in seconds of the drill."""
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, pace {pace:g}, CPython {platform.python_version()}, {platform.system()}.",
        "",
        "| drill | fault | alert | heard after (s) | mended by | over after (s) |",
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
                each.drill.mending if first else "",
                f"{each.resolved_s:.0f}" if first else "",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
