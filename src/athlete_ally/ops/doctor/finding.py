"""The checks of `doctor`: limits and remedies. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["ok", "warning", "failure", "unknown"]

# Metadata, compression and consumer actions that we rely on: 2.10; strict mode and pedantic errors: 2.12.
MIN_NATS = (2, 12)
# The first with NULLS NOT DISTINCT and json subscripting everywhere; older ones leave support in 2026.
MIN_POSTGRES = (15,)
_SKEW_TO_WARN_S = 1.0
_SKEW_TO_FAIL_S = 60.0
_FULL_TO_WARN = 0.8


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `remedy` is empty where all is well."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def check_version(name: str, found: str, least: Sequence[int]) -> Check:
    """Check a server's version."""
    wanted = ".".join(map(str, least))
    numbers = tuple(int(part) for part in found.split(".") if part.isdigit())
    if numbers[: len(least)] >= tuple(least):
        return Check(name, "ok", found)
    return Check(name, "failure", f"{found} is older than {wanted}", f"upgrade the server to {wanted} or newer")


def check_clock(here: datetime, there: datetime) -> Check:
    """Check the difference between our clock and the database's."""
    skew_s = abs((here - there).total_seconds())
    detail = f"{skew_s:.1f} s apart from the database's"
    if skew_s < _SKEW_TO_WARN_S:
        return Check("clock", "ok", detail)
    status: Status = "failure" if skew_s >= _SKEW_TO_FAIL_S else "warning"
    return Check("clock", status, detail, "let both machines follow the same time servers (NTP)")


def check_storage(name: str, used: int, limit: int) -> Check:
    """Check how full a stream is, in bytes."""
    if limit <= 0:
        return Check(f"room in {name}", "warning", "no max_bytes", "set max_bytes: a full disk stops every stream")
    detail = f"{used / limit:.0%} of {limit / 2**20:.0f} MiB"
    if used < _FULL_TO_WARN * limit:
        return Check(f"room in {name}", "ok", detail)
    return Check(f"room in {name}", "warning", detail, "raise max_bytes, or find out why it fills")


def check_disk(free_bytes: int, wanted_bytes: int) -> Check:
    """Check that the disk can hold the streams when they are full."""
    detail = f"{free_bytes / 2**30:.1f} GiB free, streams may grow by {wanted_bytes / 2**30:.1f} GiB"
    if free_bytes > wanted_bytes:
        return Check("disk", "ok", detail)
    return Check("disk", "warning", detail, "make room, or choose another --data-dir")
