"""Looking at streams and durables, in the server's own JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.live import abandoned_in

# Error codes of nats-server: https://github.com/nats-io/nats-server/blob/main/server/errors.json
_STREAM_NOT_FOUND = 10059
_CONSUMER_NOT_FOUND = 10014
_NO_MESSAGE_FOUND = 10037


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream as the server has it; `by_subject` counts messages where it was asked for."""

    config: dict[str, Any]
    created: datetime
    messages: int
    bytes: int
    first_sequence: int
    last_sequence: int
    by_subject: dict[str, int]
    replicas_current: int

    @property
    def max_bytes(self) -> int:
        """Return the limit of the stream; -1 is none."""
        return int(self.config["max_bytes"])

    @property
    def max_age_s(self) -> float:
        """Return after how many seconds a message is deleted; 0 is never."""
        return self.config["max_age"] / 1e9

    @property
    def replicas(self) -> int:
        """Return how many replicas the stream is to have."""
        return int(self.config["num_replicas"])


@dataclass(frozen=True, slots=True)
class ConsumerInfo:
    """A durable as the server has it."""

    config: dict[str, Any]
    pending: int
    ack_pending: int
    redelivered: int
    delivered: int
    ack_floor: int
    abandoned: int
    paused: bool


class NatsAdmin:
    """Reads streams and durables; never changes one."""

    def __init__(self, connection: Connection) -> None:
        """Speak over this connection."""
        self._connection = connection

    async def stream(self, name: str, subjects: str | None = None) -> StreamInfo | None:
        """Return a stream, or None when there is none; `subjects` asks for counts of the subjects that match.

        Raises:
            Unavailable: no answer.
        """
        payload = {"subjects_filter": subjects} if subjects else None
        answer = await self._find(f"STREAM.INFO.{name}", payload, _STREAM_NOT_FOUND)
        if answer is None:
            return None
        state = answer["state"]
        return StreamInfo(
            config=answer["config"],
            created=datetime.fromisoformat(answer["created"]),
            messages=state["messages"],
            bytes=state["bytes"],
            first_sequence=state["first_seq"],
            last_sequence=state["last_seq"],
            by_subject=state.get("subjects") or {},
            replicas_current=_replicas_current(answer.get("cluster") or {}),
        )

    async def consumer(self, stream: str, name: str) -> ConsumerInfo | None:
        """Return a durable, or None when there is none.

        Raises:
            Unavailable: no answer.
        """
        answer = await self._find(f"CONSUMER.INFO.{stream}.{name}", None, _CONSUMER_NOT_FOUND, _STREAM_NOT_FOUND)
        if answer is None:
            return None
        return ConsumerInfo(
            config=answer["config"],
            pending=answer["num_pending"],
            ack_pending=answer["num_ack_pending"],
            redelivered=answer["num_redelivered"],
            delivered=answer["delivered"]["stream_seq"],
            ack_floor=answer["ack_floor"]["stream_seq"],
            abandoned=abandoned_in(answer),
            paused=bool(answer.get("paused", False)),
        )

    async def stored_at(self, stream: str, from_sequence: int, subject: str) -> datetime | None:
        """Return when the first message of `subject` at or after `from_sequence` was stored; None when there is none.

        Raises:
            Unavailable: no answer.
        """
        payload = {"seq": from_sequence, "next_by_subj": subject}
        answer = await self._find(f"STREAM.MSG.GET.{stream}", payload, _NO_MESSAGE_FOUND)
        return None if answer is None else datetime.fromisoformat(answer["message"]["time"])

    async def _find(self, subject: str, payload: dict[str, Any] | None, *missing: int) -> dict[str, Any] | None:
        try:
            return await self._connection.api(subject, payload)
        except ApiError as error:
            if error.code in missing:
                return None
            raise Unavailable(f"JetStream can't answer {subject}: {error}") from error


def _replicas_current(cluster: dict[str, Any]) -> int:
    """Count the leader, which answers, and whoever has caught up with it; a server alone has no cluster."""
    followers: list[dict[str, Any]] = cluster.get("replicas") or []
    return 1 + sum(bool(follower.get("current")) for follower in followers)
