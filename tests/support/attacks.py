"""What strangers do to a server: connections that send too little, too slowly, too much, or nothing."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from support.wait import eventually

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Conversation: TypeAlias = "Callable[[Attack, Reader, Writer], Awaitable[None]]"


@dataclass
class Attack:
    """Many connections at once; one that the server ends is opened again."""

    port: int
    addresses: Iterator[str] = field(default_factory=lambda: itertools.cycle(["127.0.0.1"]))
    opened: int = 0
    open_now: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])

    @asynccontextmanager
    async def of(self, conversation: Conversation, connections: int) -> AsyncGenerator[None]:
        """Attack while the context lasts, which begins when every connection was opened once."""
        tasks = [asyncio.create_task(self._again_and_again(conversation)) for _ in range(connections)]

        async def is_under_way() -> bool:
            return self.opened >= connections

        try:
            await eventually(is_under_way)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _again_and_again(self, conversation: Conversation) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                source = (next(self.addresses), 0)
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=source)
                self.opened += 1
                self.open_now += 1
                try:
                    await conversation(self, reader, writer)
                finally:
                    self.open_now -= 1
                    writer.transport.abort()
            await asyncio.sleep(0.01)

    async def note_answer(self, reader: Reader) -> None:
        """Read one answer, and count its status; an end without any counts as `closed`."""
        line = await reader.readline()
        self.answers[line.split()[1].decode() if line.startswith(b"HTTP/") else "closed"] += 1


async def stay_silent(attack: Attack, reader: Reader, writer: Writer) -> None:
    """Connect, and send nothing."""
    del writer
    await attack.note_answer(reader)


def trickle(head: str) -> Conversation:
    """Send a head at once, and then its body byte by byte."""

    async def conversation(attack: Attack, reader: Reader, writer: Writer) -> None:
        writer.write(head.encode() + b"\r\n")
        answer = asyncio.create_task(attack.note_answer(reader))
        try:
            while not answer.done():
                writer.write(b" ")
                await asyncio.wait([answer], timeout=0.1)
            answer.result()
        finally:
            answer.cancel()

    return conversation


async def send_headers_without_end(attack: Attack, reader: Reader, writer: Writer) -> None:
    """Send headers as fast as they are taken, until the server answers."""
    writer.write(b"POST /webhooks/oura HTTP/1.1\r\nHost: x\r\nX-Endless: ")
    answer = asyncio.create_task(attack.note_answer(reader))
    try:
        while not answer.done():
            writer.write(b"x" * 65536)
            await writer.drain()
        answer.result()
    finally:
        answer.cancel()


def flood(request: bytes) -> Conversation:
    """Send one request after the other, each once the one before is answered."""

    async def conversation(attack: Attack, reader: Reader, writer: Writer) -> None:
        while True:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            attack.answers[head.split()[1].decode()] += 1
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            if b"connection: close" in head.lower():
                return

    return conversation
