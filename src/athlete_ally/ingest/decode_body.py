"""Reading a request's body within a limit, whatever its encoding."""

import sys
import zlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Protocol

from athlete_ally.ingest.refusal import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# 8 MiB: what RFC 8878 asks every decoder to support. More is memory that the sender would make us spend.
_ZSTD_WINDOW_LOG_MAX = 23
_GZIP_WBITS = 31
# bgzip cuts 16 MiB into 256 members. Each costs time, however empty: a body of nothing else would stop ingest.
_MOST_MEMBERS = 1000
# Longer numbers are refused by `int`, and no server takes them.
_MOST_DIGITS = 18


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def inflate(self, data: bytes, limit: int) -> bytes: ...


async def read_body(
    chunks: AsyncIterator[bytes], *, encoding: str, declared: str | None, limit: int, hold: Callable[[int], None]
) -> bytes:
    """Return the decoded body; nothing beyond `limit` bytes is ever kept, neither as sent nor decompressed.

    `declared` is the Content-Length; `hold` is told of every byte that is kept.

    Raises:
        Refusal: 413 too large, 415 unknown encoding, 400 broken compression.
    """
    if declared is not None and _is_more(declared, limit):
        raise _too_large(limit)
    if encoding in {"", "identity"}:
        return await _read_plain(chunks, limit, hold)
    return await _read_compressed(chunks, _INFLATERS.get(encoding), encoding, limit, hold)


def _is_more(declared: str, limit: int) -> bool:
    return declared.isascii() and declared.isdigit() and (len(declared) > _MOST_DIGITS or int(declared) > limit)


async def _read_plain(chunks: AsyncIterator[bytes], limit: int, hold: Callable[[int], None]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise _too_large(limit)
        hold(len(chunk))
        body += chunk
    return bytes(body)


async def _read_compressed(
    chunks: AsyncIterator[bytes],
    new_inflater: "Callable[[], _Inflater] | None",
    encoding: str,
    limit: int,
    hold: Callable[[int], None],
) -> bytes:
    if new_inflater is None:
        known = ", ".join(sorted(_INFLATERS))
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Encoding {encoding!r} is unknown; use {known} or none"
        )
    body = bytearray()
    inflater = new_inflater()
    sent, members = 0, 1
    async for chunk in chunks:
        sent += len(chunk)
        rest = chunk
        while rest:
            if inflater.eof:
                inflater = new_inflater()
                members += 1
                if members > _MOST_MEMBERS:
                    raise Refusal(HTTPStatus.BAD_REQUEST, f"the body has more than {_MOST_MEMBERS} {encoding} members")
            try:
                inflated = inflater.inflate(rest, limit - len(body) + 1)
            except (zlib.error, zstd.ZstdError) as error:
                raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is not valid {encoding}") from error
            if sent > limit or len(body) + len(inflated) > limit:
                raise _too_large(limit)
            hold(len(inflated))
            body += inflated
            # What the limit kept back is at most one byte over it, so that the next round or the end finds it.
            rest = inflater.unused_data if inflater.eof else b""
    if not inflater.eof:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the {encoding} body ends too early")
    return bytes(body)


class _Gzip:
    def __init__(self) -> None:
        self._object = zlib.decompressobj(_GZIP_WBITS)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def inflate(self, data: bytes, limit: int) -> bytes:
        return self._object.decompress(data, limit)


class _Zstd:
    def __init__(self) -> None:
        self._object = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG_MAX})

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def inflate(self, data: bytes, limit: int) -> bytes:
        return self._object.decompress(data, limit)


_INFLATERS: dict[str, Callable[[], _Inflater]] = {"gzip": _Gzip, "zstd": _Zstd}


def _too_large(limit: int) -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body passes {limit} bytes (as sent or decompressed); send it in several requests",
    )
