"""Reading a body within its limit: whatever is sent, memory stays bounded."""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.ingest.decode_body import read_body, zstd
from athlete_ally.ingest.refusal import Refusal

LIMIT = 1000
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
}


class Sender:
    """Sends chunks, and remembers how many were taken."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        """Send these."""
        self._chunks = chunks
        self.taken = 0
        self.held = 0

    async def __call__(self) -> AsyncIterator[bytes]:
        """Yield the chunks."""
        for chunk in self._chunks:
            self.taken += 1
            yield chunk

    def hold(self, size: int) -> None:
        """Count what is kept."""
        self.held += size

    async def read(self, encoding: str, declared: str | None = None) -> bytes:
        """Have the body read."""
        return await read_body(self(), encoding=encoding, declared=declared, limit=LIMIT, hold=self.hold)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(data=st.binary(max_size=LIMIT // 2), size=st.integers(1, 200))
async def test_a_body_arrives_whole_however_it_is_cut(encoding: str, data: bytes, size: int) -> None:
    """
    In every encoding and any chunks, what was sent is what is read, and every byte kept is accounted for.
    """
    sender = Sender(_cut(ENCODINGS[encoding](data), size))

    assert (data, len(data)) == (await sender.read(encoding), sender.held)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_limit_is_exact(encoding: str) -> None:
    """
    A body of the limit is read; one byte more is 413, decompressed or not.
    """
    assert len(await Sender([ENCODINGS[encoding](bytes(LIMIT))]).read(encoding)) == LIMIT
    with pytest.raises(Refusal) as refusal:
        await Sender([ENCODINGS[encoding](bytes(LIMIT + 1))]).read(encoding)
    assert refusal.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_is_refused_before_it_bursts(encoding: str) -> None:
    """
    A few kilobytes that would become 50 MiB are refused, and no more than the limit is ever kept.
    """
    sender = Sender(_cut(ENCODINGS[encoding](bytes(50 * 2**20)), 100))
    with pytest.raises(Refusal) as refusal:
        await sender.read(encoding)

    assert refusal.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert sender.held <= LIMIT


async def test_a_declared_size_is_refused_unread() -> None:
    """
    A Content-Length over the limit is 413 without a byte of the body being taken.
    """
    sender = Sender([b"x"])
    with pytest.raises(Refusal):
        await sender.read("", declared=str(LIMIT + 1))

    assert sender.taken == 0


@pytest.mark.parametrize(
    ("encoding", "data", "status"),
    [
        ("gzip", b"no gzip at all", HTTPStatus.BAD_REQUEST),
        ("gzip", gzip.compress(b"hello", mtime=0)[:-4], HTTPStatus.BAD_REQUEST),
        ("gzip", gzip.compress(b"hello", mtime=0) + b"garbage", HTTPStatus.BAD_REQUEST),
        ("gzip", zlib.compress(b"hello"), HTTPStatus.BAD_REQUEST),
        ("gzip", b"", HTTPStatus.BAD_REQUEST),
        ("zstd", b"no zstd at all", HTTPStatus.BAD_REQUEST),
        ("zstd", zstd.compress(b"hello")[:-2], HTTPStatus.BAD_REQUEST),
        ("br", b"hello", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ],
)
async def test_a_broken_body_is_refused(encoding: str, data: bytes, status: HTTPStatus) -> None:
    """
    Compression that is broken, cut off or unknown is refused in words that name it.
    """
    with pytest.raises(Refusal, match=encoding) as refusal:
        await Sender(_cut(data, 3)).read(encoding)

    assert status == refusal.value.status


async def test_gzip_of_several_members_is_one_body() -> None:
    """
    What `cat a.gz b.gz` makes is valid gzip, and read as a whole.
    """
    assert await Sender(_cut(gzip.compress(b"hello ") + gzip.compress(b"world"), 7)).read("gzip") == b"hello world"
