"""Tests at other hours and on other days: what depends on the time must hold at any of them.

The tests of pure packages have no clock; those of everything else that takes one run again here, in processes for which
libfaketime moves the clock. It does not reach the broker, a Go program that asks the kernel itself, nor the times that
the kernel writes to files. So tests marked `broker_clock`, which compare these with ours, are left out.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is loaded as on Linux"),
]

# Noon and midnight in UTC: yesterday ends everywhere at noon, 12 hours after it has ended in UTC.
HOURS = {"00:30": "UTC", "11:59": "America/New_York", "12:01": "Europe/Berlin", "23:59": "Pacific/Kiritimati"}
# Each a minute or an hour before something ends; clocks of Berlin change at 01:00 UTC.
DAYS: dict[str, tuple[str, str, Callable[[date], bool]]] = {
    "29 February": ("23:59", "UTC", lambda day: (day.month, day.day) == (2, 29)),
    "31 December": ("23:59", "America/New_York", lambda day: (day.month, day.day) == (12, 31)),
    "clocks go forward": ("00:30", "Europe/Berlin", lambda day: _is_last_sunday(day, 3)),
    "clocks go back": ("00:30", "Europe/Berlin", lambda day: _is_last_sunday(day, 10)),
}
UNITS = [
    f"tests/unit/{name}"
    for name in (
        "adapters", "cli", "config", "console", "demo", "fetch", "ingest", "normalize", "ops", "simulate", "wiring",
    )
]  # fmt: skip


def _next(hour: str, is_wanted: Callable[[date], bool] = lambda _: True) -> datetime:
    """Return the next moment at which it is this hour in UTC, on a day that is wanted."""
    now = datetime.now(UTC)
    moment = datetime.combine(now.date(), datetime.strptime(hour, "%H:%M").time(), UTC)  # noqa: DTZ007  # only a time
    while moment < now or not is_wanted(moment.date()):
        moment += timedelta(days=1)
    return moment


def _is_last_sunday(day: date, month: int) -> bool:
    """Tell whether clocks of Europe change on this day, if they do in this month."""
    return (day.month, day.weekday()) == (month, 6) and (day + timedelta(days=7)).month != month


def _run_at(moment: datetime, zone: str, library: Path, tests: Sequence[str]) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{(moment - datetime.now(UTC)).total_seconds():+.0f}s",
        # Compiled modules are found by the time of their source.
        "NO_FAKE_STAT": "1",
        "TZ": zone,
    }
    # One process each: as many of these tests run side by side as the machine has room for.
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider"]
    command += ["-m", "not broker_clock", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("hour", HOURS)
def test_at_any_hour(faketime: Path, hour: str) -> None:
    """
    At this hour in UTC, and in another zone, whatever takes the time passes.
    """
    code, report = _run_at(_next(hour), HOURS[hour], faketime, UNITS)

    assert code == 0, report


@pytest.mark.parametrize("day", DAYS)
def test_on_any_day(faketime: Path, day: str) -> None:
    """
    On the next such day, from a moment before it or an hour of it ends, whatever takes the time passes.
    """
    hour, zone, is_wanted = DAYS[day]
    code, report = _run_at(_next(hour, is_wanted), zone, faketime, UNITS)

    assert code == 0, report
