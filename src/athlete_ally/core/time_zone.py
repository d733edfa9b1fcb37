"""Time zones by their names in the IANA database."""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_named(name: str) -> tzinfo | None:
    """Return a zone of the IANA database; None where there is none of this name."""
    try:
        return ZoneInfo(name)
    # A name that leads out of the database, is too long, or names a folder of it.
    except (KeyError, ValueError, OSError):
        return None
