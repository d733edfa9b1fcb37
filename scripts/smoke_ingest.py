# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""Check a running ingest from outside: health, readiness, what it accepts and refuses, and how it is bound.

Sends a few readings of people called `smoke-...`; imports nothing of the package that it examines.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

from smoke_checks import accept, expect_status, healthy, hrv_reading, invalid, ready, recognises_duplicate
from smoke_client import NO_ANSWER, Service, reason
from smoke_options import Options
from smoke_report import Check, Failed, Skipped, examine

HRV = "/api/v1/ingest/hrv"
ALL_ADDRESSES = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104  what ingest must say, bound by nobody here
# Reserved for documentation (RFC 5737, RFC 3849), so never local: the route to them shows our own address.
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
BINDING_REMEDY = "start ingest without --host and without AA_INGEST_HOST (its default is all addresses)"


def accepts(ingest: Service) -> str:
    """A good reading is taken."""
    return f"202, id {accept(ingest, 'hrv', hrv_reading(), duplicate=False)}"


def refuses_invalid(ingest: Service) -> str:
    """An impossible reading is refused, and the answer says where and why."""
    answer = ingest.post(HRV, invalid(hrv_reading()))
    expect_status(answer, 422, of="rmssd -1")
    errors = answer.document.get("errors")
    first = cast("list[Any]", errors)[0] if isinstance(errors, list) and errors else None
    located = cast("dict[str, Any]", first) if isinstance(first, dict) else {}
    right_place = located.get("index") == 0 and "rmssd" in str(located.get("field"))
    if answer.content_type != "application/problem+json" or not right_place or not located.get("message"):
        raise Failed(
            expected="application/problem+json with an error for index 0, field rmssd",
            saw=f"{answer.content_type} {answer}",
            remedy="compare the version of ingest with that of this script",
        )
    return f"422, rmssd: {ascii(located['message'])[1:-1]}"


def refuses_unknown_kind(ingest: Service) -> str:
    """A kind that doesn't exist is not taken for another."""
    answer = ingest.post("/api/v1/ingest/no-such-kind", hrv_reading())
    expect_status(answer, 404, of="an unknown kind")
    return "404"


def refuses_malformed(ingest: Service) -> str:
    """A body that is not JSON is refused with 400."""
    expect_status(ingest.post(HRV, b'{"userId":'), 400, of="half a JSON object")
    return "400"


def binds_all_addresses(ingest: Service) -> str:
    """Ingest says that it listens on every address."""
    answer = ingest.get("/health")
    host = answer.document.get("host")
    if host not in ALL_ADDRESSES:
        raise Failed(expected="host 0.0.0.0 in /health", saw=answer, remedy=BINDING_REMEDY)
    return f"listens on {host}, port {answer.document.get('port')}"


def reachable_from_outside(ingest: Service) -> str:
    """Ingest answers at an address that isn't loopback."""
    answer = ingest.get("/health")
    if not ip_address(answer.peer).is_loopback:
        return f"reached over {answer.peer}"
    parts = urlsplit(ingest.base_url)
    if parts.scheme == "https":
        raise Skipped("its certificate names the host, not this machine's address")
    address = machine_address(ALL_ADDRESSES.get(str(answer.document.get("host")), socket.AF_INET))
    if address is None:
        raise Skipped("this machine has no address but loopback")
    host = f"[{address}]" if ":" in address else address
    outside = replace(ingest, base_url=f"http://{host}:{parts.port or 80}{parts.path}")
    try:
        return f"{healthy(outside)} at {outside.base_url}"
    except NO_ANSWER as error:
        remedy = f"{BINDING_REMEDY}, and see the firewall"
        raise Failed(expected=f"an answer at {outside.base_url}", saw=reason(error), remedy=remedy) from error


def machine_address(family: socket.AddressFamily) -> str | None:
    """Return an address of this machine that isn't loopback, if it has one; sends nothing."""
    for candidate in map(ip_address, _own_addresses(family)):
        if not (candidate.is_loopback or candidate.is_link_local or candidate.is_unspecified):
            return str(candidate)
    return None


def _own_addresses(family: socket.AddressFamily) -> Iterator[str]:
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((ELSEWHERE[family], 9))
        yield str(probe.getsockname()[0])
    with suppress(OSError, UnicodeError):  # no route out: perhaps the host's name knows an address
        yield from (str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, family))


def main() -> int:
    """Run the checks that the command line selects."""
    options = Options(__doc__ or "").parse_args()
    ingest = Service("ingest", options.base_url, options.timeout_s, options.key)
    named = {
        "health": healthy,
        "readiness": ready,
        "good-reading": accepts,
        "duplicate": partial(recognises_duplicate, kind="hrv"),
        "invalid-reading": refuses_invalid,
        "unknown-kind": refuses_unknown_kind,
        "malformed-json": refuses_malformed,
        "binding": binds_all_addresses,
        "reachability": reachable_from_outside,
    }
    checks = [Check(name, partial(check, ingest)) for name, check in named.items()]
    return examine([ingest], checks, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
