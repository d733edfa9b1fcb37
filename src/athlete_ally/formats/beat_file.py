"""Files of beat-to-beat intervals as Elite HRV, HRV4Training and Kubios write them: one interval a line.

Elite HRV names a file for the local time of its start and writes whole milliseconds; Kubios reads and writes
milliseconds or seconds, alone or behind a time (https://www.kubios.com/downloads/Kubios_HRV_Users_Guide.pdf, supported
data formats); HRV4Training has a heading. None of them states an offset from UTC.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from statistics import median

from athlete_ally.formats.parse_result import Finding, Found, Skipped

# As in FIT files: a reading of that many fits into a message.
_MOST_BEATS = 50_000
# As many lines tell beats from other texts.
_LINES_ASKED, _HEADING_LINES, _MOST_COLUMNS = 50, 10, 2
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_START = re.compile(
    r"((?:19|20)[0-9]{2})[-_.]?([01][0-9])[-_.]?([0-3][0-9])"
    r"[ T_-]+([0-2][0-9])[-_.:h]?([0-5][0-9])(?:[-_.:m]?([0-5][0-9]))?"
)
_BEATS = re.compile(r"^[\s\"]*(rr|r-r|nn|ibi|rri|ppi)\b|rr[ _-]?interval", re.IGNORECASE)
# No heart beats less than every three seconds for a whole recording, or more than five times in one.
_MILLISECONDS, _SECONDS = (200.0, 3000.0), (0.2, 3.0)
_PROGRAMS = (("kubios", "kubios"), ("hrv4t", "hrv4training"), ("elite", "elite-hrv"))
_ELITE = re.compile(r"(?:^|/)[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}-[0-9]{2}-[0-9]{2}\.txt$")


def findings(content: bytes, name: str, user_id: str, zone: tzinfo | None = None) -> Iterator[Finding]:
    """Yield the recording; its start is that of the name or of the heading, on the clock of `zone`, or UTC's."""
    written = content.decode("utf-8-sig", "replace")
    lines = written.splitlines()
    intervals, skipped = _intervals_of(lines)
    for number in skipped:
        yield Skipped("a line of beats", "no number", f"{name}, line {number}")
    start = _start_of(name) or _start_of(" ".join(lines[:20])[:2000])
    scale = _scale_of(intervals)
    if scale is None or len(intervals) < 2:  # noqa: PLR2004  # one interval says nothing
        yield Skipped("a file of beats", "its numbers are neither milliseconds nor seconds between beats", name)
    elif start is None:
        yield Skipped("a file of beats", "neither its name nor its heading says when it began", name)
    else:
        yield from _recording(
            _source_of(name, written[:2000]),
            user_id,
            start.replace(tzinfo=zone or UTC),
            [round(each * scale, 3) for each in intervals],
        )


def is_beats(head: bytes) -> bool:
    """Tell whether the first lines of a text are one or two numbers each, under a heading or not."""
    lines = head.decode("utf-8", "replace").splitlines()
    lines = [line for line in lines[:-1] or lines if line.strip()][:_LINES_ASKED]
    rows = [_cells(line, _delimiter(lines)) for line in lines]
    numbers = sum(len(row) <= _MOST_COLUMNS and all(map(_NUMBER.fullmatch, row)) for row in rows)
    has_heading = any(_BEATS.search(cell) for row in rows[:_HEADING_LINES] for cell in row)
    return numbers > 0 and (numbers == len(rows) or has_heading)


def _recording(source: str, user_id: str, start: datetime, ms: list[float]) -> Iterator[Found]:
    begins = start
    for first in range(0, len(ms), _MOST_BEATS):
        part = ms[first : first + _MOST_BEATS]
        ends = begins + timedelta(milliseconds=max(sum(part), 1000))
        times = {"start": begins.isoformat(), "end": ends.isoformat(), "capturedAt": ends.isoformat()}
        if len(part) > 1:
            yield Found("hrv", {"userId": user_id, "source": source, **times, "rrIntervals": part}, len(part))
        begins = ends


def _intervals_of(lines: Sequence[str]) -> tuple[list[float], list[int]]:
    """Return the intervals, and the lines behind the first one that hold none."""
    between = _delimiter(lines)
    column = -1
    intervals: list[float] = []
    skipped: list[int] = []
    for number, line in enumerate(lines, 1):
        cells = _cells(line, between)
        if not intervals:
            column = next((place for place, each in enumerate(cells) if _BEATS.search(each)), column)
        value = cells[column] if cells and column < len(cells) else ""
        if _NUMBER.fullmatch(value):
            intervals.append(float(value.replace(",", ".")))
        elif intervals and line.strip():
            skipped.append(number)
    return intervals, skipped


def _cells(line: str, between: str | None) -> list[str]:
    return [each.strip(' "') for each in line.strip().split(between)]


def _delimiter(lines: Sequence[str]) -> str | None:
    """Return what stands between two columns; None for white space. A comma may belong to a number, too."""
    some = [line for line in lines[:200] if line.strip()]
    for each in (";", "\t"):
        if any(each in line for line in some):
            return each
    with_comma = [line.partition(",") for line in some if "," in line]
    # In front of a decimal comma stand the seconds between two beats.
    are_decimal = all(whole.strip() in {"0", "1", "2"} and rest.strip().isdigit() for whole, _, rest in with_comma)
    return "," if with_comma and not are_decimal else None


def _scale_of(intervals: Sequence[float]) -> float | None:
    """Return what makes milliseconds of the numbers; None where they are no intervals."""
    middle = median(intervals) if intervals else 0.0
    if _MILLISECONDS[0] <= middle <= _MILLISECONDS[1]:
        return 1.0
    return 1000.0 if _SECONDS[0] <= middle <= _SECONDS[1] else None


def _start_of(written: str) -> datetime | None:
    found = _START.search(written.rpartition("/")[2] if "/" in written else written)
    if found is None:
        return None
    year, month, day, hour, minute, second = (each or "00" for each in found.groups())
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}")
    except ValueError:
        return None


def _source_of(name: str, head: str) -> str:
    if _ELITE.search(name):
        return "elite-hrv"
    about = f"{name}\n{head}".lower()
    return next((source for word, source in _PROGRAMS if word in about), "beats")
