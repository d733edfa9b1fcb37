"""Real beat-to-beat recordings; `ATTRIBUTION.md` says whose they are and what their licences permit.

`scripts/build_recordings.py` rebuilds the files; nothing here is edited by hand but the manifest's words.
"""

from dataclasses import dataclass
from importlib.resources import files

import msgspec


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording and where it comes from.

    `path` is the source's path within `package` (PyPI) at `version`; `licence` is an SPDX expression; `sha256` is that
    of the file with LF line ends; `derivation` tells how the intervals were got from the source.
    """

    file: str
    title: str
    package: str
    version: str
    path: str
    licence: str
    beats: int
    sha256: str
    description: str
    derivation: str
    intervals_ms: tuple[float, ...]


def load() -> list[Recording]:
    """Return all recordings, in the manifest's order."""
    manifest = msgspec.json.decode((files(__name__) / "manifest.json").read_bytes(), type=list[dict[str, str | int]])
    return [
        msgspec.convert({**entry, "intervals_ms": _read_intervals_ms(str(entry["file"]))}, Recording)
        for entry in manifest
    ]


def _read_intervals_ms(file: str) -> tuple[float, ...]:
    return tuple(float(line) for line in (files(__name__) / file).read_text("ascii").splitlines())
