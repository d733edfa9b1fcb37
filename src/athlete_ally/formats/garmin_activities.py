"""What Garmin's Activity API says of a workout: its summary, and the samples of its details.

Read in public code that receives it:
https://github.com/the-momentum/open-wearables/blob/main/backend/app/schemas/providers/garmin/activity_import.py
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from athlete_ally.core.vendor.json_body import minutes, present, session
from athlete_ally.core.vendor.webhook import UNREAD, Readings
from athlete_ally.formats.garmin_time import Timed, runs

_NO_DEVICE = "unknown"


class Activity(Timed, frozen=True, rename="camel"):
    """Metres, kilocalories and beats per minute. A parent is a whole of several legs, which come as activities too."""

    activity_type: str = "UNKNOWN"
    device_name: str | None = None
    distance_in_meters: float | None = None
    active_kilocalories: float | None = None
    average_heart_rate_in_beats_per_minute: float | None = None
    max_heart_rate_in_beats_per_minute: float | None = None
    total_elevation_gain_in_meters: float | None = None
    elevation_gain_in_meters: float | None = None
    is_parent: bool = False
    activity_id: Any = None


class _Sample(msgspec.Struct, frozen=True, rename="camel"):
    start_time_in_seconds: float
    heart_rate: float | None = None
    power_in_watts: float | None = None
    speed_meters_per_second: float | None = None
    elevation_in_meters: float | None = None
    bike_cadence_in_rpm: float | None = msgspec.field(default=None, name="bikeCadenceInRPM")


class Details(msgspec.Struct, frozen=True):
    """The summary of an activity, and what its device recorded on the way."""

    summary: Activity
    activity_id: Any = msgspec.field(default=None, name="activityId")
    samples: tuple[_Sample | None, ...] = ()


# The specification's table says `totalElevationGainInMeters`, payloads have been seen with `elevationGainInMeters`.
def workout(activity: Activity) -> Readings:
    """Return the workout of a summary. A parent has a context of its own: it begins in the second of its first leg."""
    climb_m = activity.total_elevation_gain_in_meters
    device = activity.device_name or _NO_DEVICE
    fields = present(
        start=activity.at(),
        end=activity.at(activity.duration_in_seconds),
        device=None if device == _NO_DEVICE else device,
        context="multisport" if activity.is_parent else "workout",
        **(session(activity.activity_id) or session(activity.summary_id)),
        sport=activity.activity_type.lower(),
        durationMinutes=minutes(activity.duration_in_seconds or None),
        distanceMeters=activity.distance_in_meters,
        ascentMeters=activity.elevation_gain_in_meters if climb_m is None else climb_m,
        energyKcal=activity.active_kilocalories,
        averageBpm=activity.average_heart_rate_in_beats_per_minute or None,
        maxBpm=activity.max_heart_rate_in_beats_per_minute or None,
    )
    return [("workout", fields)]


_SERIES = (
    ("heart_rate", "/min", "heart_rate"),
    ("power", "W", "power_in_watts"),
    ("speed", "m/s", "speed_meters_per_second"),
    ("altitude", "m", "elevation_in_meters"),
    ("cadence", "/min", "bike_cadence_in_rpm"),
)


# A sample without a heart rate has none, or 0. Steps per minute and strokes are no series of ours.
def details(found: Details) -> Readings:
    """Return the workout, and what was recorded in it as series."""
    # The id stands beside the summary, whose own may say that it is of details.
    summary = msgspec.structs.replace(found.summary, activity_id=found.activity_id or found.summary.activity_id)
    readings = workout(summary)
    samples = sorted((each for each in found.samples if each is not None), key=lambda each: each.start_time_in_seconds)
    for code, unit, name in _SERIES:
        points = _points(samples, name, summary.start_time_in_seconds)
        readings += runs(
            summary, code, unit, [each for each in points if code != "heart_rate" or each[1] > 0], "workout"
        )
    early = sum(each.start_time_in_seconds < summary.start_time_in_seconds for each in samples)
    return [*readings, *([(UNREAD, {"error": f"{early} sample(s) before the start"})] if early else [])]


def _points(samples: Sequence[_Sample], name: str, start_s: float) -> list[tuple[float, float]]:
    """Return the points of a series in rising order, one at an instant: the last one that was written."""
    values: dict[float, Any] = {}
    for sample in samples:
        value = getattr(sample, name)
        if value is not None and sample.start_time_in_seconds >= start_s:
            values[round(sample.start_time_in_seconds - start_s, 3)] = value
    return list(values.items())
