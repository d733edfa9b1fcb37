"""Beats in FIT files: intervals between them, and the heart rates that a strap sends after a swim."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from athlete_ally.formats.fit_message import Message, instant_of, number_of, value_of

_MS_PER_S = 1000
# A reading of that many takes some 350 KB, and several fit into a message; a day has twice as many.
_MOST_BEATS = 50_000
# Events are counted in 1/1024 s, and the short form of their time has twelve bits.
_TICKS_PER_S = 1024
_SHORT_BITS = 12


def intervals_ms(message: Message) -> list[float]:
    """Return the intervals of an `hrv` or a `beat_intervals` message, and nothing where places are left empty."""
    if message.name == "hrv":
        return [round(each * _MS_PER_S, 3) for each in _several(value_of(message, "time")) if each]
    return [float(each) for each in _several(value_of(message, "time")) if each]


def parts(
    start: datetime, end: datetime, beats_ms: Sequence[float]
) -> Iterator[tuple[datetime, datetime, list[float]]]:
    """Yield a recording in parts that a message can hold, each with its times; a short one is one part."""
    for first in range(0, len(beats_ms), _MOST_BEATS):
        part = list(beats_ms[first : first + _MOST_BEATS])
        begins = start + timedelta(milliseconds=sum(beats_ms[:first]))
        is_last = first + _MOST_BEATS >= len(beats_ms)
        over = begins + timedelta(milliseconds=sum(part))
        yield begins, max(end, begins + timedelta(seconds=1)) if is_last and first == 0 else over, part


class Events:
    """The heart rates of `hr` messages, which count time by themselves from an instant that one of them states.

    https://developer.garmin.com/fit/cookbook/decoding-activity-files/ (heart-rate data of HRM-Swim and HRM-Tri).
    """

    def __init__(self) -> None:
        """Begin without an instant."""
        self._anchor: tuple[datetime, float] | None = None
        self._last_ticks = 0

    def take(self, message: Message) -> list[tuple[datetime, float]] | None:
        """Return instants and beats per minute; None where no message has stated an instant."""
        ticks = self._ticks(message)
        at = instant_of(message)
        if at is not None and ticks:
            fraction_s = number_of(message, "fractional_timestamp") or 0.0
            self._anchor = (at + timedelta(seconds=fraction_s), ticks[0] / _TICKS_PER_S)
        if self._anchor is None:
            return None
        start, zero_s = self._anchor
        return [
            (start + timedelta(milliseconds=round((each / _TICKS_PER_S - zero_s) * _MS_PER_S)), float(bpm))
            for each, bpm in zip(ticks, _several(value_of(message, "filtered_bpm")), strict=False)
            if bpm
        ]

    def _ticks(self, message: Message) -> list[int]:
        whole = [
            round(each * _TICKS_PER_S) for each in _several(value_of(message, "event_timestamp")) if each is not None
        ]
        if whole:
            self._last_ticks = whole[-1]
            return whole
        ticks: list[int] = []
        for short in _twelve_bits(value_of(message, "event_timestamp_12")):
            self._last_ticks += (short - self._last_ticks) & ((1 << _SHORT_BITS) - 1)
            ticks.append(self._last_ticks)
        return ticks


def _twelve_bits(packed: Any) -> Iterator[int]:
    """Yield numbers of twelve bits, two in three bytes, low bits first."""
    octets = [each if isinstance(each, int) else 0xFF for each in _several(packed)]
    for low, middle, high in zip(octets[::3], octets[1::3], octets[2::3], strict=False):
        yield low | (middle & 0xF) << 8
        yield middle >> 4 | high << 4


def _several(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return cast("Sequence[Any]", value) if isinstance(value, (tuple, list)) else (value,)
