"""What bodies do: plausible days and nights of people who are not there, the same whenever they are asked for. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_WHOLE = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Night:
    """One night that ends on a day, in UTC. Stages and time awake fill the time in bed."""

    start: datetime
    end: datetime
    deep_s: int
    light_s: int
    rem_s: int
    awake_s: int
    rmssd_ms: float
    resting_bpm: int
    breaths_per_minute: float
    spo2_percent: float

    @property
    def in_bed_s(self) -> int:
        """Seconds from start to end."""
        return int((self.end - self.start).total_seconds())

    @property
    def asleep_s(self) -> int:
        """Seconds in the stages of sleep."""
        return self.deep_s + self.light_s + self.rem_s


@dataclass(frozen=True, slots=True)
class Waking:
    """What somebody did on a day."""

    steps: int
    distance_m: float
    active_kcal: int
    moderate_min: int
    vigorous_min: int
    floors: int


def night(account: str, day: date) -> Night:
    """Return how somebody slept, in the ranges of healthy adults; each person has an own level."""
    # Levels: rMSSD 19 to 75 ms and resting heart rates of 45 to 65 are what most healthy adults have
    # (Nunan et al. 2010, https://doi.org/10.1111/j.1540-8159.2010.02841.x).
    base_ms, base_bpm = _between(25, 70, account, "rmssd"), _between(47, 62, account, "bpm")
    end = datetime.combine(day, time(6), UTC) + timedelta(seconds=round(_between(0, 5400, account, day, "end")))
    in_bed_s = round(_between(6.6, 8.9, account, day, "in bed") * 3600)
    awake_s = round(in_bed_s * _between(0.04, 0.12, account, day, "awake"))
    asleep_s = in_bed_s - awake_s
    deep_s = round(asleep_s * _between(0.13, 0.23, account, day, "deep"))
    rem_s = round(asleep_s * _between(0.18, 0.27, account, day, "rem"))
    return Night(
        start=end - timedelta(seconds=in_bed_s),
        end=end,
        deep_s=deep_s,
        light_s=asleep_s - deep_s - rem_s,
        rem_s=rem_s,
        awake_s=awake_s,
        rmssd_ms=round(base_ms * _between(0.8, 1.2, account, day, "rmssd"), 1),
        resting_bpm=round(base_bpm + _between(-3, 3, account, day, "bpm")),
        breaths_per_minute=round(_between(12.5, 17.5, account, day, "breath"), 1),
        spo2_percent=round(_between(95, 99, account, day, "spo2"), 1),
    )


def waking(account: str, day: date) -> Waking:
    """Return how somebody moved."""
    steps = round(_between(3_000, 15_000, account, day, "steps"))
    return Waking(
        steps=steps,
        distance_m=round(steps * 0.75, 1),
        active_kcal=round(steps * 0.045),
        moderate_min=round(_between(5, 60, account, day, "moderate")),
        vigorous_min=round(_between(0, 35, account, day, "vigorous")),
        floors=round(_between(0, 25, account, day, "floors")),
    )


def weight_kg(account: str, day: date) -> float:
    """Return what somebody weighs in the morning."""
    return round(_between(55, 90, account, "kg") + _between(-0.8, 0.8, account, day, "kg"), 2)


def at_unix_s(moment: datetime) -> int:
    """Return an instant in Unix seconds."""
    return int(moment.timestamp())


def _between(low: float, high: float, *about: object) -> float:
    """Return a number in a range that depends on what it is about, and on nothing else."""
    digest = hashlib.sha256("/".join(map(str, about)).encode()).digest()
    return low + (high - low) * int.from_bytes(digest[:4], "big") / _WHOLE
