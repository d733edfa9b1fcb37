"""How a sender proves that a request is its own: schemes as values, and the one verifier for all of them."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, assert_never

from athlete_ally.core.errors import AthleteAllyError

Cause = Literal["missing", "malformed", "too-old", "mismatch"]
CAUSES: Final[tuple[Cause, ...]] = ("missing", "malformed", "too-old", "mismatch")

Part = Literal["id", "timestamp", "body", "."]

# The year 5138 in seconds, 1973 in milliseconds: a number above it can't be seconds.
_FIRST_MILLISECONDS = 10**11
_MOST_DIGITS = 15
# A sender that rotates keys signs with two; nobody needs hundreds, and each costs a comparison.
_MOST_SIGNATURES = 10


class Unverified(AthleteAllyError):
    """The request is not proven to come from its sender: 401, and nothing of it is kept."""

    def __init__(self, cause: Cause) -> None:
        """Keep the cause, for the counter; the sender is not told more than the sentence."""
        super().__init__(_SENTENCES[cause])
        self.cause: Cause = cause


_SENTENCES: dict[Cause, str] = {
    "missing": "the request carries no signature",
    "malformed": "the signature, or its timestamp, can't be read",
    "too-old": "the signature's timestamp is too far from now",
    "mismatch": "the signature does not fit the request",
}


def utf8_key(secret: str) -> bytes:
    """Return the secret itself as a key."""
    return secret.encode()


@dataclass(frozen=True, slots=True)
class Hmac:
    """A keyed hash over parts of the request, in a header.

    `layout` says how the header holds it: `plain`, `fields` (`t=...,v1=...`), or `versions` (`v1,... v1,...`).
    `signed` is what is hashed, in order. `max_age_s`: how far the timestamp may be from now, either way.
    `key` makes a key of a configured secret; it raises ValueError for one that can't be a secret of this sender.
    """

    header: str
    signed: tuple[Part, ...]
    algorithm: Literal["sha256", "sha1"] = "sha256"
    encoding: Literal["hex", "upper-case hex", "base64"] = "hex"
    layout: Literal["plain", "fields", "versions"] = "plain"
    id_header: str | None = None
    timestamp_header: str | None = None
    max_age_s: float | None = None
    key: Callable[[str], bytes] = utf8_key


@dataclass(frozen=True, slots=True)
class SharedHeader:
    """A header whose whole value is the secret."""

    header: str


@dataclass(frozen=True, slots=True)
class SecretPath:
    """The secret is the last part of the address that only the sender was given."""


Signature = Hmac | SharedHeader | SecretPath


def headers_of(scheme: Signature) -> tuple[str, ...]:
    """Return the names of the headers by which a scheme decides."""
    match scheme:
        case Hmac():
            names = (scheme.header, scheme.id_header, scheme.timestamp_header)
            return tuple(name for name in names if name is not None)
        case SharedHeader():
            return (scheme.header,)
        case SecretPath():
            return ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a sender sent. Header names are in lower case; `path_secret` follows the sender's name in the path."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    path_secret: str = ""


def verify(scheme: Signature, request: Request, secrets: Sequence[str], now: datetime) -> None:
    """Return if one of `secrets` (several are valid while they are rotated) proves the request.

    All comparisons take the same time, wherever the first difference is.

    Raises:
        Unverified: 401. Also where there is no secret at all: a missing secret never opens anything.
    """
    match scheme:
        case Hmac():
            _verify_hmac(scheme, request, secrets, now)
        case SharedHeader(header):
            _compare([request.headers.get(header, "").encode()], [secret.encode() for secret in secrets])
        case SecretPath():
            _compare([request.path_secret.encode()], [secret.encode() for secret in secrets])
        case _:
            assert_never(scheme)


def is_secret(presented: str, secrets: Sequence[str]) -> bool:
    """Tell whether a token is one of the configured ones, in constant time; nothing is, where none is configured."""
    return sum(hmac.compare_digest(presented.encode(), secret.encode()) for secret in secrets) > 0


def _verify_hmac(scheme: Hmac, request: Request, secrets: Sequence[str], now: datetime) -> None:
    stated = request.headers.get(scheme.header, "")
    if not stated:
        raise Unverified("missing")
    timestamp, presented = _read(scheme, stated, request)
    if scheme.max_age_s is not None:
        _check_age(timestamp, scheme.max_age_s, now)
    values: dict[Part, bytes] = {
        "id": request.headers.get(scheme.id_header or "", "").encode(),
        "timestamp": timestamp.encode(),
        "body": request.body,
        ".": b".",
    }
    message = b"".join(values[part] for part in scheme.signed)
    digests = [hmac.new(scheme.key(secret), message, _HASHES[scheme.algorithm]).digest() for secret in secrets]
    _compare(presented, [_ENCODERS[scheme.encoding](digest) for digest in digests])


def _read(scheme: Hmac, stated: str, request: Request) -> tuple[str, list[bytes]]:
    """Return the timestamp as it was sent, and the signatures."""
    match scheme.layout:
        case "plain":
            timestamp, found = request.headers.get(scheme.timestamp_header or "", ""), [stated]
        case "fields":
            fields = [item.strip().partition("=") for item in stated.split(",")]
            timestamp = next((value for name, _, value in fields if name == "t"), "")
            found = [value for name, _, value in fields if name == "v1"]
        case "versions":
            timestamp = request.headers.get(scheme.timestamp_header or "", "")
            versions = [item.partition(",") for item in stated.split(" ")]
            found = [value for version, _, value in versions if version == "v1"]
        case _:
            assert_never(scheme.layout)
    needs_time = "timestamp" in scheme.signed and not timestamp
    if needs_time or not found or len(found) > _MOST_SIGNATURES or not all(found):
        raise Unverified("malformed")
    return timestamp, [each.encode() for each in found]


def _check_age(timestamp: str, max_age_s: float, now: datetime) -> None:
    if abs(now.timestamp() - _seconds(timestamp)) > max_age_s:
        raise Unverified("too-old")


def _seconds(timestamp: str) -> float:
    """Read Unix time in seconds or milliseconds, told apart by size, or RFC 3339."""
    if timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MOST_DIGITS:
        number = int(timestamp)
        return number / 1000 if number >= _FIRST_MILLISECONDS else float(number)
    try:
        moment = datetime.fromisoformat(timestamp)
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise Unverified("malformed")


def _compare(presented: Sequence[bytes], expected: Sequence[bytes]) -> None:
    if not any(presented):
        raise Unverified("missing")
    # A sum, not `any`: its time must not tell which secret it was.
    if not sum(hmac.compare_digest(ours, theirs) for ours in expected for theirs in presented):
        raise Unverified("mismatch")


def _hex(digest: bytes) -> bytes:
    return digest.hex().encode()


def _upper_case_hex(digest: bytes) -> bytes:
    return digest.hex().upper().encode()


_HASHES = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "hex": _hex,
    "upper-case hex": _upper_case_hex,
    "base64": base64.b64encode,
}
