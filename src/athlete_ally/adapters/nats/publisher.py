"""Publishing into a stream, acknowledged."""

import asyncio
from typing import Any

import nats.errors
import nats.js.errors

from athlete_ally.adapters.nats.connection import Connection, describe
from athlete_ally.core import headers
from athlete_ally.core.errors import MessageTooLarge, Misconfigured, StreamFull, Unavailable
from athlete_ally.core.messages import Acknowledgement, OutgoingMessage

# Error codes of nats-server: https://github.com/nats-io/nats-server/blob/main/server/errors.json
_MESSAGE_TOO_LARGE = 10054
_WRONG_STREAM = 10060
_STORE_FAILED = 10077
_NO_STORAGE = 10047
_ACCOUNT_LIMIT = 10028


class NatsPublisher:
    """The `Publisher` port on JetStream.

    `timeout_s` bounds everything: waiting for a connection, sending, and waiting for the acknowledgement.
    """

    def __init__(self, connection: Connection, *, timeout_s: float) -> None:
        """Publish over this connection."""
        self._connection = connection
        client: Any = connection.client
        self._jetstream: Any = client.jetstream()
        self._timeout_s = timeout_s

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """See the port."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._publish(message)
        except TimeoutError as error:
            self._connection.report_stall()
            raise Unavailable(f"no acknowledgement from {message.stream} in {self._timeout_s:g} s") from error
        except nats.js.errors.APIError as error:
            raise _translate(error, message) from error
        except nats.errors.MaxPayloadError as error:
            raise MessageTooLarge(f"message of {len(message.body)} bytes passes the server's max_payload") from error
        except nats.js.errors.NoStreamResponseError as error:
            raise Unavailable(
                f"no stream answers for {message.subject}: JetStream is down, or a stream is missing"
            ) from error
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"can't publish to {message.stream}: {describe(error)}") from error

    async def _publish(self, message: OutgoingMessage) -> Acknowledgement:
        await self._connection.until_usable()
        all_headers = {**message.headers, headers.MSG_ID: message.message_id, headers.EXPECTED_STREAM: message.stream}
        future = await self._jetstream.publish_async(message.subject, message.body, headers=all_headers)
        answer = await future
        return Acknowledgement(answer.stream, answer.seq, duplicate=bool(answer.duplicate))


def _translate(error: nats.js.errors.APIError, message: OutgoingMessage) -> Exception:
    match error.err_code:
        case code if code == _MESSAGE_TOO_LARGE:
            return MessageTooLarge(f"message of {len(message.body)} bytes passes max_msg_size of {message.stream}")
        case code if code == _WRONG_STREAM:
            return Misconfigured(f"subject {message.subject} belongs to another stream than {message.stream}")
        case code if code in {_STORE_FAILED, _NO_STORAGE, _ACCOUNT_LIMIT}:
            return StreamFull(f"{message.stream} takes no more messages: {error.description}")
        case _:
            return Unavailable(f"{message.stream} refused a message: {error.description} ({error.err_code})")
