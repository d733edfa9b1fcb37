"""Bodies made to cost time or numbers made to break: refused early."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import pytest

from athlete_ally.ingest.decode_body import read_body, zstd
from athlete_ally.ingest.refusal import Refusal

LIMIT = 16 * 2**20
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


async def send(*chunks: bytes) -> AsyncIterator[bytes]:
    """Yield the chunks."""
    for chunk in chunks:
        yield chunk


async def read(encoding: str, *chunks: bytes, declared: str | None = None, limit: int = LIMIT) -> bytes:
    """Have a body read."""
    return await read_body(send(*chunks), encoding=encoding, declared=declared, limit=limit, hold=lambda _: None)


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_members_are_bounded(encoding: str) -> None:
    """
    A thousand members make one body; one more is refused, however empty they are and however they are cut.
    """
    member = COMPRESS[encoding](b"x")
    assert await read(encoding, member * 1000) == b"x" * 1000
    for chunks in ([member * 1001], [member] * 1001):
        with pytest.raises(Refusal, match=f"more than 1000 {encoding} members") as refused:
            await read(encoding, *chunks)
        assert refused.value.status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_a_bomb_takes_no_memory(encoding: str) -> None:
    """
    50 MiB of zeros in one small chunk are refused with a few MiB of memory at most, over a limit of 1 MiB.
    """
    bomb = COMPRESS[encoding](bytes(50 * 2**20))
    tracemalloc.start()
    with pytest.raises(Refusal):
        await read(encoding, bomb, limit=2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * 2**20


@pytest.mark.parametrize("declared", ["9" * 19, "9" * 5000, str(LIMIT + 1), "0" * 5000 + "1"])
async def test_a_length_beyond_all_bounds_is_too_large(declared: str) -> None:
    """
    A Content-Length over the limit is 413, also one that Python would not even read as a number.
    """
    with pytest.raises(Refusal) as refused:
        await read("", b"x", declared=declared)

    assert refused.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("declared", [None, "", "-1", "²", "١٢", "1e9", "many", str(LIMIT)])
async def test_a_length_that_says_nothing_is_no_reason_to_refuse(declared: str | None) -> None:
    """
    What is no number is the server's business; the bytes themselves are counted in any case.
    """
    assert await read("", b"x", declared=declared) == b"x"


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_empty_chunks_change_nothing(encoding: str) -> None:
    """
    A server may hand on nothing at any moment, also after the end.
    """
    data = COMPRESS[encoding](b"hello")

    assert await read(encoding, b"", data[:4], b"", data[4:], b"", b"") == b"hello"
