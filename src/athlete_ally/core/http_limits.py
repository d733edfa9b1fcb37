"""What a server takes from the other end of a connection: sizes, times and numbers, and why it refuses."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, get_args

HttpCause = Literal[
    "malformed",
    "header-bytes",
    "header-count",
    "header-repeated",
    "headers-too-slow",
    "body-too-slow",
    "answer-not-read",
    "pipelined",
    "address-connections",
    "connections",
    "descriptors",
]
"""Why a connection was refused or closed before its request reached a route."""
HTTP_CAUSES: Final[tuple[HttpCause, ...]] = get_args(HttpCause)

SENDER_IS_KNOWN: Final = "sender_is_known"
"""Set by a route in the request's state: a key or a signature proved the sender. Such a connection is closed last."""
BODY_TOO_SLOW: Final = "body_too_slow"
"""Set by the server in the request's state: the body came too slowly, and 408 was answered."""

_DECIDING: Final = (
    *("host", "content-type", "content-encoding", "content-length", "transfer-encoding", "expect"),
    *("authorization", "cookie", "origin", "sec-fetch-site", "x-forwarded-proto", "traceparent"),
)

PROXY_NETWORKS: Final = (IPv4Network("127.0.0.1/32"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The limits of one server. `proxies` stand for many senders each: no limit for each address applies to them.

    A body has to be complete `body_s` after its headers and, after the first five seconds, to have arrived at
    `body_bytes_per_s` on average. `single_headers` (in lower case) decide the answer to a request: one that is there
    twice is refused, since one part of a system would go by the first, and another by the last.
    """

    header_bytes: int = 32 * 1024
    headers: int = 100
    headers_s: float = 10.0
    body_s: float = 30.0
    body_bytes_per_s: int = 500
    connections: int = 2000
    connections_per_address: int = 200
    proxies: tuple[IPv4Network | IPv6Network, ...] = PROXY_NETWORKS
    single_headers: frozenset[str] = frozenset(_DECIDING)

    def with_single_headers(self, names: Iterable[str]) -> "HttpLimits":
        """Return these limits with more headers that decide something."""
        return replace(self, single_headers=self.single_headers | {name.lower() for name in names})
