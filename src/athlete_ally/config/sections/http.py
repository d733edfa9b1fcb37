"""What the HTTP servers of all services take from a sender that nothing has proved."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from athlete_ally.core.http_limits import PROXY_NETWORKS, HttpLimits

_DEFAULTS = HttpLimits()


def _networks(text: str) -> str:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        try:
            ip_network(name)
        except ValueError:
            raise ValueError(
                f"{name[:64]!r} is not an address or a network: write it as 192.0.2.1 or 192.0.2.0/24"
            ) from None
    return ",".join(names)


class HttpSettings(BaseSettings):
    """What the HTTP servers of all services take from a sender that nothing has proved."""

    http_max_header_bytes: int = Field(
        _DEFAULTS.header_bytes,
        ge=1024,
        le=1024 * 1024,
        validation_alias="AA_HTTP_MAX_HEADER_BYTES",
        description="Most bytes of a request's line and headers; more are answered 431.",
    )
    http_max_headers: int = Field(
        _DEFAULTS.headers,
        ge=8,
        le=1000,
        validation_alias="AA_HTTP_MAX_HEADERS",
        description="Most headers of a request; more are answered 431.",
    )
    http_headers_timeout_s: float = Field(
        _DEFAULTS.headers_s,
        gt=0,
        le=600,
        validation_alias="AA_HTTP_HEADERS_TIMEOUT_S",
        description="Longest time from connecting, or from the first byte of a later request, to the last header.",
    )
    http_body_timeout_s: float = Field(
        _DEFAULTS.body_s,
        gt=0,
        le=3600,
        validation_alias="AA_HTTP_BODY_TIMEOUT_S",
        description="Longest time that a body takes to arrive; then 408 is answered.",
    )
    http_body_min_bytes_per_s: int = Field(
        _DEFAULTS.body_bytes_per_s,
        ge=1,
        validation_alias="AA_HTTP_BODY_MIN_BYTES_PER_S",
        description="Least average rate of a body that takes more than five seconds; below it 408 is answered.",
    )
    http_max_connections: int = Field(
        _DEFAULTS.connections,
        ge=1,
        validation_alias="AA_HTTP_MAX_CONNECTIONS",
        description="Most open connections of a service; fewer where its descriptors do not allow as many.",
    )
    http_max_connections_per_address: int = Field(
        _DEFAULTS.connections_per_address,
        ge=1,
        validation_alias="AA_HTTP_MAX_CONNECTIONS_PER_ADDRESS",
        description="Most open connections of one address (IPv6: of one /64 network).",
    )
    http_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        ",".join(str(network.network_address) for network in PROXY_NETWORKS),
        validation_alias="AA_HTTP_PROXIES",
        description="Addresses or networks of proxies in front, separated by commas: no limit for each address there.",
    )

    @property
    def http_limits(self) -> HttpLimits:
        """Return the limits of a server."""
        return HttpLimits(
            header_bytes=self.http_max_header_bytes,
            headers=self.http_max_headers,
            headers_s=self.http_headers_timeout_s,
            body_s=self.http_body_timeout_s,
            body_bytes_per_s=self.http_body_min_bytes_per_s,
            connections=self.http_max_connections,
            connections_per_address=self.http_max_connections_per_address,
            proxies=tuple(ip_network(name) for name in self.http_proxies.split(",") if name),
        )
