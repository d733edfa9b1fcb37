"""A TCP proxy that breaks the line after so many bytes: what a killed server looks like to its client."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Line:
    """The line to a server; its `port` on 127.0.0.1 is where clients connect.

    It holds until `cut_after` is called. `hides_the_end`: the client is not told that the server has hung up.
    """

    def __init__(self) -> None:
        """Hold."""
        self.port = 0
        self.said = 0
        self.hides_the_end = False
        self._left: int | None = None

    def cut_after(self, size: int | None) -> None:
        """Let the server send `size` more bytes, then break every connection; None repairs the line."""
        self._left, self.said = size, 0

    def take(self, chunk: bytes) -> bytes:
        """Return what gets through of what the server says; less than all of it where the line breaks."""
        self.said += len(chunk)
        if self._left is None:
            return chunk
        through = chunk[: self._left]
        self._left -= len(through)
        return through


@asynccontextmanager
async def line_to(host: str, port: int) -> AsyncGenerator[Line]:
    """Yield a line to the server."""
    line = Line()
    connections: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.create_task(_connect(line, (host, port), reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    yield line
    server.close()
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


async def _connect(
    line: Line, where: tuple[str, int], client: asyncio.StreamReader, to_client: asyncio.StreamWriter
) -> None:
    server, to_server = await asyncio.open_connection(*where)
    asking = asyncio.create_task(_pass_on(client, to_server))
    try:
        if await _answer(line, server, to_client) and line.hides_the_end:
            await asyncio.Event().wait()
    finally:
        asking.cancel()
        for each in (to_client, to_server):
            each.transport.abort()


async def _answer(line: Line, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> bool:
    """Pass on what the server says, to its end (true) or to where the line breaks (false)."""
    with suppress(OSError):
        while chunk := await server.read(65536):
            through = line.take(chunk)
            to_client.write(through)
            await to_client.drain()
            if len(through) < len(chunk):
                return False
    return True


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
