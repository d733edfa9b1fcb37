"""Looking at streams and durables, in the server's own JSON: the client's types drop unknown fields."""

import base64
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any

from athlete_ally.adapters.nats.connection import API_TIMEOUT_S, ApiError, Connection
from athlete_ally.core.broker.state import (
    LiveDurable,
    LiveMessage,
    LiveStream,
    Replica,
    Rights,
    Server,
    abandoned_in,
    stated_time,
)
from athlete_ally.core.errors import Unavailable

# Error codes of nats-server: https://github.com/nats-io/nats-server/blob/main/server/errors.json
_STREAM_NOT_FOUND = 10059
_CONSUMER_NOT_FOUND = 10014
_NO_MESSAGE_FOUND = 10037
# A record of the file store: 22 bytes of fixed fields, 8 of checksum, 4 for the length of headers where there are any
# (fileStoreMsgSizeRaw in server/filestore.go).
_RECORD_BYTES = 30
_HEADER_LENGTH_BYTES = 4


class NatsAdmin:
    """Reads streams and durables, and never changes one: the `BrokerReader` port, and what normalize polls."""

    def __init__(self, connection: Connection, timeout_s: float = API_TIMEOUT_S) -> None:
        """Speak over this connection; an answer that takes longer is none."""
        self._connection = connection
        self._timeout_s = timeout_s

    async def server(self) -> Server:
        """See the port."""
        account = await self._ask("INFO")
        answer = await self._connection.ask("$SYS.REQ.USER.INFO", timeout_s=self._timeout_s)
        about: dict[str, Any] = answer["server"]
        user: dict[str, Any] = answer["data"]
        limits: dict[str, int] = account.get("limits") or {}
        return Server(
            name=about["name"],
            version=about["ver"],
            cluster=about.get("cluster", ""),
            domain=account.get("domain", ""),
            account=user.get("account_name") or user["account"],
            account_names=tuple({user["account"], user.get("account_name") or user["account"]}),
            api_level=account["api"].get("level", 0),
            max_storage=_limit(limits.get("max_storage", -1)),
            reserved_storage=await self._reserved(account, is_cluster=bool(about.get("cluster"))),
            max_streams=_limit(limits.get("max_streams", -1)),
            streams=account["streams"],
            user=user.get("user", ""),
            rights=_rights(user.get("permissions") or {}),
        )

    async def _reserved(self, account: Mapping[str, Any], *, is_cluster: bool) -> int:
        """Return the bytes that streams reserve, over all copies.

        A cluster reports each stream once, and counts it once for each copy when it refuses.
        """
        reserved: int = account.get("reserved_storage", 0)
        if not is_cluster or not reserved:
            return reserved
        configs = [each["config"] async for each in self._pages("STREAM.LIST", "streams", {})]
        return sum(max(0, each["max_bytes"]) * each["num_replicas"] for each in configs if each["storage"] == "file")

    async def stream(self, name: str, subjects: str | None = None) -> LiveStream | None:
        """See the port; `subjects` asks for counts of the subjects that match."""
        payload = {"subjects_filter": subjects} if subjects else None
        answer = await self._find(f"STREAM.INFO.{name}", payload, _STREAM_NOT_FOUND)
        return None if answer is None else _stream(answer)

    async def durable(self, stream: str, name: str) -> LiveDurable | None:
        """See the port."""
        answer = await self._find(f"CONSUMER.INFO.{stream}.{name}", None, _CONSUMER_NOT_FOUND, _STREAM_NOT_FOUND)
        return None if answer is None else _durable(answer)

    async def streams_on(self, subject: str) -> list[str]:
        """See the port."""
        return [name async for name in self._pages("STREAM.NAMES", "streams", {"subject": subject})]

    async def durables_of(self, stream: str) -> list[LiveDurable]:
        """See the port."""
        return [_durable(each) async for each in self._pages(f"CONSUMER.LIST.{stream}", "consumers", {})]

    async def message_from(self, stream: str, sequence: int) -> LiveMessage | None:
        """See the port."""
        payload = {"seq": sequence, "next_by_subj": ">"}
        answer = await self._find(f"STREAM.MSG.GET.{stream}", payload, _NO_MESSAGE_FOUND)
        return None if answer is None else _message(answer["message"])

    async def stored_at(self, stream: str, from_sequence: int, subject: str) -> datetime | None:
        """Return when the first message of `subject` at or after `from_sequence` was stored; None when there is none.

        Raises:
            Unavailable: no answer.
        """
        payload = {"seq": from_sequence, "next_by_subj": subject}
        answer = await self._find(f"STREAM.MSG.GET.{stream}", payload, _NO_MESSAGE_FOUND)
        return None if answer is None else datetime.fromisoformat(answer["message"]["time"])

    async def gaps(self, stream: str) -> list[int]:
        """See the port."""
        answer = await self._ask(f"STREAM.INFO.{stream}", {"deleted_details": True})
        return answer["state"].get("deleted") or []

    async def subject_counts(self, stream: str) -> list[int]:
        """See the port."""
        counts: list[int] = []
        total = 1
        while len(counts) < total:
            payload = {"subjects_filter": ">", "offset": len(counts)}
            answer = await self._ask(f"STREAM.INFO.{stream}", payload)
            page: dict[str, int] = answer["state"].get("subjects") or {}
            if not page:
                break
            counts += page.values()
            total = answer.get("total", len(counts))
        return counts

    async def _pages(self, subject: str, key: str, payload: dict[str, Any]) -> AsyncGenerator[Any]:
        offset = 0
        while True:
            answer = await self._ask(subject, {**payload, "offset": offset})
            page: list[Any] = answer.get(key) or []
            for each in page:
                yield each
            offset += len(page)
            if not page or offset >= answer["total"]:
                return

    async def _ask(self, subject: str, payload: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await self._connection.api(subject, payload, self._timeout_s)
        except ApiError as error:
            raise Unavailable(f"JetStream can't answer {subject}: {error}") from error

    async def _find(self, subject: str, payload: dict[str, Any] | None, *missing: int) -> dict[str, Any] | None:
        try:
            return await self._connection.api(subject, payload, self._timeout_s)
        except ApiError as error:
            if error.code in missing:
                return None
            raise Unavailable(f"JetStream can't answer {subject}: {error}") from error


def _limit(value: int) -> int | None:
    return value if value > 0 else None


def _rights(permissions: Mapping[str, Any]) -> Rights:
    publish: dict[str, list[str]] = permissions.get("publish") or {}
    return Rights(tuple(publish.get("allow") or (">",)), tuple(publish.get("deny") or ()))


def _stream(answer: Mapping[str, Any]) -> LiveStream:
    state: dict[str, Any] = answer["state"]
    cluster: dict[str, Any] = answer.get("cluster") or {}
    return LiveStream(
        config=answer["config"],
        created=answer["created"],
        asked_at=datetime.fromisoformat(answer["ts"]),
        messages=state["messages"],
        bytes=state["bytes"],
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        first_at=stated_time(state["first_ts"]) if state["messages"] else None,
        last_at=stated_time(state["last_ts"]) if state["messages"] else None,
        deleted=state.get("num_deleted", 0),
        replicas=tuple(map(_replica, cluster.get("replicas") or ())),
        # A server on its own has no group of copies, and is its own leader.
        has_leader="raft_group" not in cluster or bool(cluster.get("leader")),
        by_subject=state.get("subjects") or {},
    )


def _replica(peer: Mapping[str, Any]) -> Replica:
    return Replica(peer["name"], bool(peer.get("current")), bool(peer.get("offline")), peer.get("lag", 0))


def _durable(answer: Mapping[str, Any]) -> LiveDurable:
    return LiveDurable(
        config=answer["config"],
        created=answer["created"],
        stream=answer["stream_name"],
        pending=answer["num_pending"],
        ack_pending=answer["num_ack_pending"],
        redelivered=answer["num_redelivered"],
        delivered=answer["delivered"]["stream_seq"],
        ack_floor=answer["ack_floor"]["stream_seq"],
        abandoned=abandoned_in(answer),
        paused=bool(answer.get("paused")),
    )


def _message(stored: Mapping[str, Any]) -> LiveMessage:
    subject = stored["subject"]
    body, headers = (len(base64.b64decode(stored.get(each, ""))) for each in ("data", "hdrs"))
    size = _RECORD_BYTES + len(subject.encode()) + body + (headers + _HEADER_LENGTH_BYTES if headers else 0)
    return LiveMessage(stored["seq"], subject, size, datetime.fromisoformat(stored["time"]))
