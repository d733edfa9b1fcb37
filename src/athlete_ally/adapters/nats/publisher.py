"""Publishing into a stream, acknowledged."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import nats.errors

from athlete_ally.adapters.nats.connection import UNREACHABLE, Connection, describe
from athlete_ally.core.broker.topology import MAX_DEAD_LETTER_BYTES
from athlete_ally.core.errors import (
    AthleteAllyError,
    MessageTooLarge,
    Misconfigured,
    ServerLimit,
    StreamFull,
    Unavailable,
)
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Acknowledgement, OutgoingMessage

# Error codes of nats-server: https://github.com/nats-io/nats-server/blob/main/server/errors.json
_NO_STORAGE = 10047
_ACCOUNT_LIMIT = 10028
_MESSAGE_TOO_LARGE = 10054
_WRONG_STREAM = 10060
_STORE_FAILED = 10077
# "NATS/1.0\r\n" before the headers and "\r\n" after them; ": " and "\r\n" around each (nats ADR-4).
_HEADERS_BYTES = 12
_HEADER_BYTES = 4


class _Error(msgspec.Struct, frozen=True):
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct, frozen=True):
    """What JetStream answers to a publish: https://docs.nats.io/reference/reference-protocols/nats_api_reference"""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


class NatsPublisher:
    """The `Publisher` port on JetStream.

    A publish is a plain request: the library's `publish_async` loses the server's refusals, and waits in vain.
    `timeout_s` bounds everything: waiting for a connection, sending, and waiting for the acknowledgement.
    """

    def __init__(self, connection: Connection, *, timeout_s: float) -> None:
        """Publish over this connection."""
        self._connection = connection
        self._client: Any = connection.client
        self._timeout_s = timeout_s
        self._decoder = msgspec.json.Decoder(_Answer)

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """See the port."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._publish(message)
        except TimeoutError as error:
            self._connection.report_stall()
            raise Unavailable(f"no acknowledgement from {message.stream} in {self._timeout_s:g} s") from error
        except nats.errors.NoRespondersError as error:
            reason = "JetStream is down, or a stream is missing"
            raise Unavailable(f"no stream answers for {message.subject}: {reason}") from error
        except UNREACHABLE as error:
            raise Unavailable(f"can't publish to {message.stream}: {describe(error)}") from error
        if answer.error is not None:
            raise _refusal(answer.error, message)
        return Acknowledgement(answer.stream, answer.seq, duplicate=answer.duplicate)

    async def _publish(self, message: OutgoingMessage) -> _Answer:
        await self._connection.until_usable()
        all_headers = {**message.headers, headers.MSG_ID: message.message_id, headers.EXPECTED_STREAM: message.stream}
        _require_room(message, all_headers, self._client.max_payload)
        # The library's own timeout is out of the way: ours bounds the waiting for a connection too.
        answer = await self._client.request(
            message.subject, message.body, timeout=2 * self._timeout_s, headers=all_headers
        )
        return self._decoder.decode(answer.data)


def _require_room(message: OutgoingMessage, all_headers: Mapping[str, str], max_payload: int) -> None:
    """Return if the server takes a message of this size.

    The library counts the body only, and a server that gets more than it takes closes the connection.
    """
    size = len(message.body) + _HEADERS_BYTES
    size += sum(len(name) + len(value.encode()) + _HEADER_BYTES for name, value in all_headers.items())
    if size <= max_payload:
        return
    if size <= MAX_DEAD_LETTER_BYTES:
        raise ServerLimit(
            f"max_payload of the NATS server is {max_payload} bytes, and a message of {size} bytes is allowed: "
            f"set max_payload to {MAX_DEAD_LETTER_BYTES} in its configuration"
        )
    raise MessageTooLarge(f"message of {len(message.body)} bytes passes the server's max_payload")


def _refusal(error: _Error, message: OutgoingMessage) -> AthleteAllyError:
    if error.err_code == _MESSAGE_TOO_LARGE:
        return MessageTooLarge(f"message of {len(message.body)} bytes passes max_msg_size of {message.stream}")
    if error.err_code == _WRONG_STREAM:
        return Misconfigured(f"subject {message.subject} belongs to another stream than {message.stream}")
    if error.err_code in {_STORE_FAILED, _NO_STORAGE, _ACCOUNT_LIMIT}:
        return StreamFull(f"{message.stream} takes no more messages: {error.description}")
    return Unavailable(f"{message.stream} refused a message: {error.description} ({error.err_code})")
