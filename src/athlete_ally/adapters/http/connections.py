"""The open connections of a server: how many there may be, and which one gives way when there are too many.

A connection gives way while it waits for the other end: first those of senders that nothing has proved, from the
oldest, then those of known senders that are idle. So silent or slow strangers, however many, keep nobody out.
"""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Network, ip_address
from itertools import chain, islice
from pathlib import Path
from typing import Final, Protocol

from athlete_ally.core.http_limits import HttpCause, HttpLimits

HEALTH_RESERVE: Final = 16
"""Above the limit, so many connections may still ask for health and series: a full server can be watched."""
# So long a newcomer is left alone, so that one on a slow line can send.
_UNDISTURBED_S: Final = 0.25
# Of these, the oldest that has sent nothing gives way; each look is a system call.
_MOST_LOOKED_AT: Final = 16
# For NATS, PostgreSQL, files and vendors' APIs, which reconnect and reopen while strangers hold connections.
_OTHER_DESCRIPTORS: Final = 32 + HEALTH_RESERVE


class Connection(Protocol):
    """One connection, as this module sees it."""

    since_s: float
    """When it began to wait for what it waits for, in seconds of the monotonic clock."""
    address: str
    """The sender's IP address; of IPv6 the network of 64 bits, which one sender has to itself."""

    @property
    def waits_for_stranger(self) -> bool:
        """Tell whether it waits for bytes of a sender that nothing has proved."""
        ...

    @property
    def is_idle(self) -> bool:
        """Tell whether no request is in progress."""
        ...

    @property
    def has_unread(self) -> bool:
        """Tell whether bytes have arrived that this process did not read yet."""
        ...

    def check(self, now_s: float, *, passed_s: float, late_s: float) -> None:
        """Close it if the other end takes too long.

        The last check was `passed_s` ago, which is `late_s` more than was planned.
        """
        ...

    def refuse(self, cause: HttpCause) -> None:
        """Answer if that is possible, report, leave and close."""
        ...


_Set = dict[Connection, None]


@dataclass(slots=True)
class Connections:
    """The open connections of a server, from the oldest to the newest."""

    limits: HttpLimits
    most: int = field(init=False)
    _open: _Set = field(default_factory=_Set, init=False)
    _by_address: dict[str, _Set] = field(default_factory=dict[str, _Set], init=False)

    def __post_init__(self) -> None:
        """Start with what the descriptors allow."""
        self.measure()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    @property
    def is_full(self) -> bool:
        """Tell whether more are open than may be."""
        return len(self._open) > self.most

    def all(self) -> "tuple[Connection, ...]":
        """Return all of them."""
        return tuple(self._open)

    def measure(self) -> None:
        """Adapt the limit to the descriptors that the process may still open, and make room if there are too many."""
        spare = _spare_descriptors()
        allowed = self.limits.connections if spare is None else len(self._open) + spare
        self.most = max(1, min(self.limits.connections, allowed))
        while len(self._open) > self.most + HEALTH_RESERVE:
            if not _make_room(self._open, "connections"):
                return

    def enter(self, connection: Connection) -> bool:
        """Add a connection; another may have to give way.

        Returns False where it stands above the limit: it may ask for health and series, and nothing else.
        """
        mine = self._by_address.setdefault(connection.address, {})
        full = len(mine) >= self.limits.connections_per_address and not self._is_proxy(connection.address)
        if full and not _make_room(mine, "address-connections"):
            self._add(connection)
            connection.refuse("address-connections")
            return False
        within = len(self._open) < self.most or _make_room(self._open, "connections")
        self._add(connection)
        return within

    def may_enter(self, starting: int) -> bool:
        """Tell whether one more may be accepted now, while `starting` others have not entered yet.

        Where it can't, it waits in the system's queue: until one that is open has had its time to send, or ends.
        """
        too_many = len(self._open) + starting + 1 - self.most
        if too_many <= 0:
            return True
        latest_s = time.monotonic() - _UNDISTURBED_S
        waiting = [each for each in self._open if each.waits_for_stranger or each.is_idle]
        if not waiting:
            # All are at work: only health is answered.
            return too_many <= HEALTH_RESERVE
        return sum(each.since_s < latest_s for each in waiting) >= too_many

    def leave(self, connection: Connection) -> None:
        """Remove a connection that is closed, or is about to be. May be called twice."""
        self._open.pop(connection, None)
        mine = self._by_address.get(connection.address, {})
        mine.pop(connection, None)
        if not mine:
            self._by_address.pop(connection.address, None)

    def _add(self, connection: Connection) -> None:
        # The set of its address may have been emptied, and forgotten, to make room.
        self._open[connection] = None
        self._by_address.setdefault(connection.address, {})[connection] = None

    def _is_proxy(self, address: str) -> bool:
        with suppress(ValueError):
            return any(ip_address(address) in network for network in self.limits.proxies)
        return False


def sender_address(peer: tuple[str, int] | None) -> str:
    """Return what counts as one sender: an IPv4 address, a /64 network of IPv6, or nothing for a local socket."""
    if peer is None:
        return ""
    address = ip_address(peer[0].partition("%")[0])
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.is_loopback else str(IPv6Network((address, 64), strict=False))


def _make_room(connections: Mapping[Connection, None], cause: HttpCause) -> bool:
    """Close the connection that has to give way; tell whether there was one.

    One that has sent, and was not read because this process was busy, comes last.
    """
    strangers = (each for each in connections if each.waits_for_stranger)
    oldest = list(islice(chain(strangers, (each for each in connections if each.is_idle)), _MOST_LOOKED_AT))
    found = next((each for each in oldest if not each.has_unread), oldest[0] if oldest else None)
    if found is not None:
        found.refuse(cause)
    return found is not None


def _spare_descriptors() -> int | None:
    """Return how many descriptors may be opened beyond a reserve; None where the system does not say."""
    if sys.platform != "linux":
        return None
    import resource  # noqa: PLC0415  # Windows has none

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        return limit - len(list(Path("/proc/self/fd").iterdir())) - _OTHER_DESCRIPTORS
    except OSError:
        # Not even this list can be opened.
        return -_OTHER_DESCRIPTORS
