"""Records of sessions, and what is to be on record of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.core.readings.sessions import same_session
from athlete_ally.measurements import SLEEP
from athlete_ally.measurements.sleep import SleepReading, SleepRecord, normalise

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


def night(  # noqa: PLR0913  # what tells nights apart
    starts_min: int,
    lasts_min: int,
    captured_min: int,
    *,
    session_id: str | None = None,
    source: str = "apple-health",
    context: str = "overnight",
    device: str | None = None,
) -> SleepRecord:
    """Return a night that begins and was captured so many minutes after a midnight."""
    start = MIDNIGHT + timedelta(minutes=starts_min)
    reading = SleepReading(
        user_id="ada",
        start=start,
        end=start + timedelta(minutes=lasts_min),
        captured_at=MIDNIGHT + timedelta(minutes=captured_min),
        source=source,
        context=context,  # pyright: ignore[reportArgumentType]  # one of its words
        device=device,
        session_id=session_id,
        duration_minutes=float(lasts_min),
    )
    arrival = Arrival(
        message_id=f"m{captured_min}", stream_sequence=captured_min, received_at=MIDNIGHT + timedelta(days=2)
    )
    return normalise(reading, arrival, 0, Rules())


def expected_rows(records: Sequence[SleepRecord]) -> set[tuple[str, float]]:
    """Return period and minutes of those of which no newer version was ever seen."""
    return {
        (each.period, each.asleep_min)
        for each in records
        if not any(same_session(each, other, SLEEP.overlap) and other.order > each.order for other in records)
    }
