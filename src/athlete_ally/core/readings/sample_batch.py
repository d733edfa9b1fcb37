"""Runs: records that are many rows, one for each point of a time series."""

from athlete_ally.core.readings.record import Record


class SampleBatch(Record, frozen=True, kw_only=True):
    """Consecutive points of one series: a person, what is measured (`code`), and who measured it.

    A point is at `starts_at` plus its offset, covers `lasts_s` where it is a sum (steps), and is `plausible` or not.
    Runs don't replace each other, their points do: of two points of one series at one instant the newer one stays, in
    the order of their records.
    """

    code: str
    unit: str
    loinc: str | None
    offsets_s: tuple[float, ...]
    lasts_s: tuple[float, ...] | None
    values: tuple[float, ...]
    plausible: tuple[bool, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What sets this run apart from all others."""
        place = (self.captured_at.isoformat(), str(self.stream_sequence), str(self.reading_index))
        return (*self.series, self.period, *place)

    @property
    def series(self) -> tuple[str, str, str, str, str]:
        """What the points are about: at most one is stored for each series and instant."""
        return (self.user_id, self.code, self.source, self.context, self.device or "")
