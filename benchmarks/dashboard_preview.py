"""Draw the dashboard from a running system: every panel's queries, run against a real Prometheus. It is not Grafana.

    uv run --group dev --with matplotlib benchmarks/dashboard_preview.py

Runs the stage of the game day for a minute and a half, with good and bad readings and two pauses, and writes
docs/images/dashboard-preview.png. Needs the programs prometheus and prometheus-alertmanager.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "monitoring")]

from gameday.preview import draw  # noqa: E402  # found only on the path above
from gameday.stage import Stage, stage  # noqa: E402
from support.dashboard import fill, load_dashboard  # noqa: E402

from athlete_ally.core.broker.topology import normalize_durable  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "dashboard-preview.png"
SECONDS = 90
IMPOSSIBLE_MS = 900.0


async def main() -> None:
    """Run the scenario, run every query over its time, and draw."""
    with tempfile.TemporaryDirectory(prefix="athlete-ally-preview-") as folder:
        async with stage(Path(folder), pace=1) as ground:
            started = time.time()
            await run_scenario(ground)
            dashboard = load_dashboard()
            results = {
                (panel["title"], number): await ground.prometheus.query_range(
                    fill(target["expr"], "10s"), started, time.time(), 1
                )
                for panel in dashboard["panels"]
                for number, target in enumerate(panel.get("targets", ()))
            }
    PICTURE.parent.mkdir(exist_ok=True)
    draw(dashboard, results, PICTURE, f"preview, not Grafana: {SECONDS} s of a live system")


async def run_scenario(ground: Stage) -> None:
    """Send readings continuously; some are impossible, and for a while the durable is paused."""
    ground.keep_sending()
    for second in range(SECONDS):
        if second % 15 == 10:
            await ground.send(2, IMPOSSIBLE_MS)
        if second == SECONDS // 3:
            await ground.durable("PAUSE", normalize_durable("hrv"), {"pause_until": "2099-01-01T00:00:00Z"})
        if second == SECONDS // 2:
            await ground.durable("PAUSE", normalize_durable("hrv"), {})
        if second == SECONDS - 8:
            await ground.durable("PAUSE", normalize_durable("hrv"), {"pause_until": "2099-01-01T00:00:00Z"})
        await asyncio.sleep(1)
    ground.stop_sending()


if __name__ == "__main__":
    asyncio.run(main())
