"""Importing whatever is inside a folder, an archive or a file, each file with the reader that its content asks for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path, PurePosixPath

from athlete_ally.adapters.files.archive import Archive, Piece, Unopened, is_packed
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats import apple_health, beat_file, fit, garmin_export, gpx, health_auto_export, polar_flow, tcx
from athlete_ally.formats.apple_xml import elements
from athlete_ally.formats.parse_result import Damaged, Finding, Skipped
from athlete_ally.formats.recognise import HEAD_BYTES, FileSort, beside, sort_of
from athlete_ally.wiring.commands.import_ import MOST_BYTES_AT_ONCE, Source

_NO_READER = "no reader knows it"


def open_archive(path: Path, user_id: str, zone: tzinfo | None = None) -> Source:
    """Open a folder, an archive or a file; what is inside is read when the findings are.

    A file that can't be read is a `Damaged` among the findings. `zone` is that of times without offset.

    Raises:
        UnreadableFile: the path can't be listed.
    """
    archive = Archive(path)
    return Source(_findings(archive, user_id, zone), archive.size, lambda: archive.position)


def open_fit(path: Path, user_id: str) -> Source:
    """Open a FIT file, or what holds some: Garmin's Export Original is a zip, and Strava packs with gzip.

    Raises:
        UnreadableFile: the path can't be read.
    """
    if is_packed(path):
        return open_archive(path, user_id)
    from athlete_ally.adapters.files.fit_file import messages  # noqa: PLC0415  # as below

    size = path.stat().st_size if path.is_file() else 0
    return Source(fit.findings(messages(path), user_id), size, lambda: size)


def _findings(archive: Archive, user_id: str, zone: tzinfo | None) -> Iterator[Finding]:
    for piece in archive.pieces():
        if isinstance(piece, Unopened):
            yield Damaged(piece.name, piece.reason.removeprefix(piece.name).lstrip(" :"))
            continue
        try:
            for finding in _in_piece(piece, user_id, zone):
                yield _placed(finding, piece.name)
        except UnreadableFile as error:
            # The name stands in front of the reason already.
            yield Damaged(piece.name, str(error).removeprefix(piece.name).lstrip(" :"))


def _in_piece(piece: Piece, user_id: str, zone: tzinfo | None) -> Iterator[Finding]:
    suffix = PurePosixPath(piece.name).suffix.lower()[:16]
    if (reason := beside(piece.name)) is not None:
        yield Skipped(f"a file {suffix}", reason)
        return
    with piece.opened() as file:
        sort = sort_of(piece.name, file.read(HEAD_BYTES))
    if sort is None:
        yield Skipped(f"a file {suffix or 'without an ending'}", _NO_READER)
    else:
        yield from _read(sort, piece, user_id, zone)


def _read(sort: FileSort, piece: Piece, user_id: str, zone: tzinfo | None) -> Iterator[Finding]:
    match sort:
        case "apple-health":
            yield from apple_health.findings(elements(piece.chunks()), user_id)
        case "fit":
            # Its library's tables take 70 ms to load, which every other command would pay for.
            from athlete_ally.adapters.files.fit_file import decoded  # noqa: PLC0415

            yield from fit.findings(decoded(piece.read(MOST_BYTES_AT_ONCE), piece.name), user_id)
        case "tcx":
            yield from tcx.findings(piece.read(MOST_BYTES_AT_ONCE), user_id, zone)
        case "gpx":
            yield from gpx.findings(piece.read(MOST_BYTES_AT_ONCE), user_id, zone)
        case "health-auto-export":
            yield from health_auto_export.findings(piece.read(MOST_BYTES_AT_ONCE), user_id)
        case "polar-flow":
            yield from polar_flow.findings(piece.read(MOST_BYTES_AT_ONCE), user_id, zone)
        case "garmin-sleep":
            yield from garmin_export.nights(piece.read(MOST_BYTES_AT_ONCE), user_id)
        case "garmin-days":
            yield from garmin_export.days(piece.read(MOST_BYTES_AT_ONCE), user_id)
        case "beats":
            yield from beat_file.findings(piece.read(MOST_BYTES_AT_ONCE), piece.name, user_id, zone)


def _placed(finding: Finding, name: str) -> Finding:
    """Return a finding whose place names the file, too."""
    if not isinstance(finding, Skipped) or finding.place.startswith(name):
        return finding
    return replace(finding, place=f"{name}, {finding.place}" if finding.place else name)
