"""Tests at other hours and on other days: what depends on the time must hold at any of them.

The tests of pure packages have no clock; those of everything else that takes one run again here, in processes for which
libfaketime moves the clock. It does not reach the broker, a Go program that asks the kernel itself. So tests marked
`broker_clock`, which compare the broker's clock with ours, are left out.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is loaded as on Linux"),
]

# Noon and midnight in UTC: yesterday ends everywhere at noon, 12 hours after it has ended in UTC.
HOURS = {"00:30": "UTC", "11:59": "America/New_York", "12:01": "Europe/Berlin", "23:59": "Pacific/Kiritimati"}
# Each a minute or an hour before something ends; clocks of Berlin change at 01:00 UTC.
DAYS = {
    "29 February": (2, 29, "23:59", "UTC"),
    "31 December": (12, 31, "23:59", "America/New_York"),
    "clocks go forward": (3, "last Sunday", "00:30", "Europe/Berlin"),
    "clocks go back": (10, "last Sunday", "00:30", "Europe/Berlin"),
}
UNITS = [
    f"tests/unit/{name}"
    for name in (
        "adapters", "cli", "config", "console", "demo", "fetch", "ingest", "normalize", "ops", "simulate", "wiring",
    )
]  # fmt: skip


def _nearest(hour: str) -> datetime:
    """Return the nearest moment at which it is this hour in UTC."""
    now = datetime.now(UTC)
    today = datetime.combine(now.date(), datetime.strptime(hour, "%H:%M").time(), UTC)  # noqa: DTZ007  # only a time
    return min((today + timedelta(days=days) for days in (-1, 0, 1)), key=lambda moment: abs(moment - now))


def _next(month: int, day: int | str, hour: str) -> datetime:
    """Return the next such day at this hour in UTC."""
    moment = datetime.combine(datetime.now(UTC).date(), _nearest(hour).timetz())
    while True:
        moment += timedelta(days=1)
        is_last_sunday = moment.weekday() == 6 and (moment + timedelta(days=7)).month != month
        if moment.month == month and (is_last_sunday if day == "last Sunday" else moment.day == day):
            return moment


def _run_at(moment: datetime, zone: str, library: Path, tests: Sequence[str]) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{(moment - datetime.now(UTC)).total_seconds():+.0f}s",
        # Compiled modules are found by the time of their source.
        "NO_FAKE_STAT": "1",
        "TZ": zone,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    command += ["-m", "not broker_clock", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("hour", HOURS)
def test_at_any_hour(faketime: Path, hour: str) -> None:
    """
    At this hour in UTC, and in another zone, whatever takes the time passes.
    """
    code, report = _run_at(_nearest(hour), HOURS[hour], faketime, UNITS)

    assert code == 0, report


@pytest.mark.parametrize("day", DAYS)
def test_on_any_day(faketime: Path, day: str) -> None:
    """
    On the next such day, from a moment before it or an hour of it ends, whatever takes the time passes.
    """
    month, number, hour, zone = DAYS[day]
    code, report = _run_at(_next(month, number, hour), zone, faketime, UNITS)

    assert code == 0, report
