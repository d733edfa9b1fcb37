"""Changing streams and durables for the operator's tool, beside looking at them."""

from collections.abc import Mapping
from typing import Any

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.core.errors import Refused

# Metadata, compression and consumer actions came with 2.10, before levels were counted; pedantic and strict with 2.12.
_REQUIRED_LEVEL = {"Nats-Required-Api-Level": "2"}
# A stream of many gigabytes answers at once; a cluster that elects a leader takes seconds.
_TIMEOUT_S = 10.0


class NatsBroker(NatsAdmin):
    """The `Broker` port. `ops.streams.broker` says what each method promises."""

    def __init__(self, connection: Connection, timeout_s: float = _TIMEOUT_S) -> None:
        """Speak over this connection; an answer that takes longer is none."""
        super().__init__(connection, timeout_s)

    async def create_stream(self, config: Mapping[str, Any]) -> None:
        """See the port."""
        await self._change(f"STREAM.CREATE.{config['name']}", {**config, "pedantic": True})

    async def update_stream(self, config: Mapping[str, Any]) -> None:
        """See the port."""
        await self._change(f"STREAM.UPDATE.{config['name']}", {**config, "pedantic": True})

    async def create_durable(self, stream: str, config: Mapping[str, Any]) -> None:
        """See the port."""
        await self._consumer(stream, config, "create")

    async def update_durable(self, stream: str, config: Mapping[str, Any]) -> None:
        """See the port."""
        await self._consumer(stream, config, "update")

    async def _consumer(self, stream: str, config: Mapping[str, Any], action: str) -> None:
        # `action` keeps a create from changing what is there, and an update from creating what is not.
        payload = {"stream_name": stream, "config": dict(config), "action": action, "pedantic": True}
        await self._change(f"CONSUMER.CREATE.{stream}.{config['name']}", payload)

    async def _change(self, subject: str, payload: dict[str, Any]) -> None:
        try:
            await self._connection.api(subject, payload, self._timeout_s, headers=_REQUIRED_LEVEL)
        except ApiError as error:
            raise Refused(f"the server refuses {subject}: {error}") from error
