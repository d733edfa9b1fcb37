"""Which reader a file is for, by its content first, and by its name where contents are alike."""

import re
from typing import Literal

from athlete_ally.formats.beat_file import is_beats

FileSort = Literal[
    "apple-health", "fit", "tcx", "gpx", "health-auto-export", "polar-flow", "garmin-sleep", "garmin-days", "beats"
]

HEAD_BYTES = 64 * 1024
"""How much of a file tells what it is: the document type of an Apple export has 15 KiB."""

_FIT_SIGNATURE = slice(8, 12)
# The routes and electrocardiograms of an Apple export stand beside it, and the tables of Strava beside its activities.
_BESIDE = (
    (re.compile(r"(^|/)workout-routes/"), "a route of a workout that the export itself holds"),
    (re.compile(r"(^|/)electrocardiograms/"), "an electrocardiogram, which no kind takes"),
    (re.compile(r"_cda\.xml$", re.IGNORECASE), "the same records as in the export, in another format"),
    (re.compile(r"(^|/)(global_)?activities\.csv$"), "a table of the activities that are files of the same export"),
)
# Names in Garmin's and Polar's account exports; the contents of most have the same keys.
_JSON_NAMES: tuple[tuple[re.Pattern[str], FileSort], ...] = (
    (re.compile(r"_sleepData\.json$"), "garmin-sleep"),
    (re.compile(r"(^|/)UDSFile_[^/]*\.json$"), "garmin-days"),
    (re.compile(r"(^|/)training-session-[^/]*\.json$"), "polar-flow"),
)
_TEXTS = (".txt", ".csv", ".rr", ".rri", ".ibi", ".dat")


def sort_of(name: str, head: bytes) -> FileSort | None:
    """Return the reader for a file with this name and beginning; None where there is none."""
    if head[_FIT_SIGNATURE] == b".FIT" or name.lower().endswith(".fit"):
        return "fit"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return _sort_of_xml(start)
    if start[:1] in {b"{", b"["}:
        return _sort_of_json(name, start)
    return "beats" if name.lower().endswith(_TEXTS) and is_beats(start) else None


def beside(name: str) -> str | None:
    """Return why a file is left out that only repeats or accompanies others; None for any other file."""
    return next((reason for pattern, reason in _BESIDE if pattern.search(name)), None)


def _sort_of_xml(start: bytes) -> FileSort | None:
    roots: tuple[tuple[bytes, FileSort], ...] = (
        (b"HealthData", "apple-health"),
        (b"TrainingCenterDatabase", "tcx"),
        (b"gpx", "gpx"),
    )
    for root, sort in roots:
        if re.search(rb"<(!DOCTYPE\s+)?([A-Za-z0-9]+:)?" + root + rb"[\s>\[]", start):
            return sort
    return None


def _sort_of_json(name: str, start: bytes) -> FileSort | None:
    for pattern, sort in _JSON_NAMES:
        if pattern.search(name):
            return sort
    # The lists of Health Auto Export stand in `data`.
    return "health-auto-export" if re.match(rb'\{\s*"data"\s*:\s*\{', start) else None
