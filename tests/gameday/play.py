"""Run a drill, and report its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gameday.drills import Drill
from gameday.stage import Stage
from support.prometheus import Call
from support.wait import eventually

_HEAR_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Played:
    """The result of a drill, in seconds: from the fault to each alert, and from the remedy to the end of all alerts."""

    drill: Drill
    heard_s: dict[str, float]
    resolved_s: float
    summaries: dict[str, str]


async def play(stage: Stage, drill: Drill, tell: Callable[[str], None]) -> Played:
    """Inject the fault, wait for its alerts, apply the remedy, and wait until the alerts end.

    Raises:
        AssertionError: an alert did not come, or did not end.
    """
    await stage.calm()
    stage.receiver.calls.clear()
    await drill.inject(stage)
    started_s = time.monotonic()
    tell(f"{drill.name}: {drill.fault}")
    heard_s: dict[str, float] = {}
    summaries: dict[str, str] = {}
    for alert in drill.alerts:
        call = await _hear(stage, alert, "firing")
        heard_s[alert] = call.at.timestamp() - (time.time() - (time.monotonic() - started_s))
        summaries[alert] = call.annotations["summary"]
        tell(f"  {heard_s[alert]:6.1f} s  {alert}: {call.annotations['summary']}")
    fixed_s = time.monotonic()
    await drill.fix(stage)
    tell(f"  fixed: {drill.remedy}")
    for alert in drill.alerts:
        await _hear(stage, alert, "resolved")
    resolved_s = time.monotonic() - fixed_s
    tell(f"  {resolved_s:6.1f} s  resolved")
    return Played(drill, heard_s, resolved_s, summaries)


async def _hear(stage: Stage, alert: str, status: str) -> Call:
    async def heard() -> Call | None:
        return stage.receiver.heard(alert, status)

    try:
        call = await eventually(heard, within_s=_HEAR_WITHIN_S)
    except AssertionError as error:
        raise AssertionError(f"{alert} is not {status}; heard: {stage.receiver.calls[-5:]}") from error
    assert call is not None
    return call
