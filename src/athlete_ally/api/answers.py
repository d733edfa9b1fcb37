"""Answers: JSON around rows that are JSON already, with an ETag, and compressed where the reader can take it."""

import asyncio
import gzip
import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Below that the headers of compression cost more than it saves.
_WORTH_BYTES = 1024
_encoder = msgspec.json.Encoder()


def rows_answer(name: str, rows: Sequence[msgspec.Raw], **more: Any) -> bytes:
    """Return `{name: [rows], ...}`; the rows are copied as they are."""
    return _encoder.encode({name: rows, **more})


def shown_rows(rows: Sequence[msgspec.Raw], *more: object) -> list[bytes]:
    """Return what the ETag of a page depends on: its rows, and what else would change its body."""
    return [*map(bytes, rows), repr(more).encode()]


async def answer(
    request: Request, body: bytes, headers: Mapping[str, str], *, shown: Iterable[bytes] | None = None
) -> Response:
    """Return 200 with the body, or 304 where the reader has it already.

    `shown` is what the ETag depends on, where the body has a cursor, which is another one each time.
    """
    digest = hashlib.blake2b(digest_size=12)
    for part in (body,) if shown is None else shown:
        digest.update(part)
    tag = f'"{digest.hexdigest()}"'
    shared = {**headers, "ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Encoding"}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=shared)
    accepted = accepted_encodings(request.headers.get("accept-encoding", ""))
    if len(body) >= _WORTH_BYTES and "zstd" in accepted:
        body, shared["Content-Encoding"] = await asyncio.to_thread(zstd.compress, body, 3), "zstd"
    elif len(body) >= _WORTH_BYTES and "gzip" in accepted:
        body, shared["Content-Encoding"] = await asyncio.to_thread(gzip.compress, body, 5, mtime=0), "gzip"
    return Response(body, headers=shared, media_type="application/json")


def accepted_encodings(header: str) -> set[str]:
    """Return the names of encodings that a reader takes (RFC 9110, section 12.5.3)."""
    names: set[str] = set()
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            names.add(name.strip())
    return names
