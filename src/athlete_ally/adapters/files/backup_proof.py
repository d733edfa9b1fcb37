"""From when backups are that were proven good, as their manifests say."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from athlete_ally.core.errors import Misconfigured


class _Manifest(msgspec.Struct):
    """What is needed of `manifest.json` in the folder of a backup."""

    stream: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    verified_at: datetime | None = None


def verified_backups(folders: Iterable[Path]) -> dict[str, datetime]:
    """Return when the newest verified backup of each stream was made; backups that never were verified are left out.

    Raises:
        Misconfigured: a folder has no readable manifest.
    """
    found: dict[str, datetime] = {}
    for folder in folders:
        manifest = _read(folder / "manifest.json")
        if manifest.verified_at is not None:
            found[manifest.stream] = max(manifest.created_at, found.get(manifest.stream, manifest.created_at))
    return found


def _read(path: Path) -> _Manifest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(f"{path}: not the manifest of a backup ({error})") from error
