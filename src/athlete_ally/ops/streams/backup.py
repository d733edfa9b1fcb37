"""What a backup promises, and whether a server that it was restored into keeps that. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from athlete_ally.core.broker.state import LiveDurable, LiveStream, Server, stated_time
from athlete_ally.core.errors import Refused, WrongTarget


class _Durable(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def ack_floor_before(self) -> int: ...
    @property
    def ack_floor_after(self) -> int: ...


class Backup(Protocol):
    """What is needed of a manifest."""

    @property
    def stream(self) -> str:
        """The stream's name."""
        ...

    @property
    def environment(self) -> str:
        """Whose stream it is."""
        ...

    @property
    def server_version(self) -> str:
        """The server that wrote the bytes."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """The stream's configuration."""
        ...

    @property
    def state(self) -> Mapping[str, Any]:
        """The stream's state, as the server stated it with the bytes."""
        ...

    @property
    def durables(self) -> Sequence[_Durable]:
        """The durables and their progress."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """The checksum of all messages, where it is known."""
        ...


@dataclass(frozen=True, slots=True)
class Restored:
    """What a server has after a restore; `fingerprint` covers the sequences of the backup."""

    stream: LiveStream
    durables: Sequence[LiveDurable]
    fingerprint: str | None


def differences(backup: Backup, found: Restored) -> list[str]:
    """Return in which way a server at rest differs from the backup restored into it; none is a proof."""
    state = backup.state
    counted = [
        ("messages", state["messages"], found.stream.messages),
        ("last sequence", state["last_seq"], found.stream.last_sequence),
    ]
    if state["messages"]:
        counted.append(("first sequence", state["first_seq"], found.stream.first_sequence))
    problems = [f"{what}: {have}, in the backup {had}" for what, had, have in counted if had != have]
    if backup.fingerprint is not None and found.fingerprint != backup.fingerprint:
        problems.append("the checksum over all messages is another one")
    return problems + _lost_progress(backup, found.durables, up_to_date=True)


def shortfalls(backup: Backup, found: Restored) -> list[str]:
    """Return what a live server lacks of the backup restored into it; it may have gone on meanwhile."""
    problems: list[str] = []
    if found.stream.last_sequence < backup.state["last_seq"]:
        problems.append(f"last sequence: {found.stream.last_sequence}, in the backup {backup.state['last_seq']}")
    if found.stream.messages < backup.state["messages"]:
        problems.append(f"messages: {found.stream.messages}, in the backup {backup.state['messages']}")
    if None not in {backup.fingerprint, found.fingerprint} and found.fingerprint != backup.fingerprint:
        problems.append("the checksum over all messages is another one")
    return problems + _lost_progress(backup, found.durables, up_to_date=False)


def _lost_progress(backup: Backup, live: Iterable[LiveDurable], *, up_to_date: bool) -> list[str]:
    floors = {each.name: each.ack_floor for each in live}
    problems: list[str] = []
    for durable in backup.durables:
        floor = floors.get(durable.name)
        wanted = f"{durable.ack_floor_before} to {durable.ack_floor_after}"
        if floor is None:
            problems.append(f"durable {durable.name} is missing")
        elif floor < durable.ack_floor_before or (up_to_date and floor > durable.ack_floor_after):
            problems.append(f"ack floor of {durable.name}: {floor}, in the backup {wanted}")
    return problems


def require_fit(backup: Backup, server: Server, environment: str) -> None:
    """Return when a server may take a backup.

    Raises:
        WrongTarget: the backup is of another environment.
        Refused: the server is older than the one that wrote the bytes, whose format it may not know.
    """
    if backup.environment != environment:
        raise WrongTarget(f"the backup is of {backup.environment}, and AA_ENVIRONMENT is {environment}")
    if _minor(server.version) < _minor(backup.server_version):
        raise Refused(
            f"server {server.version} is older than {backup.server_version}, which wrote the backup: "
            "restore into the same version or a newer one"
        )


def expires_at_once(backup: Backup, now: datetime) -> bool:
    """Tell whether the server would delete some of the messages as soon as they are restored, because of their age."""
    max_age = timedelta(microseconds=backup.config.get("max_age", 0) / 1000)
    if not max_age or not backup.state["messages"]:
        return False
    oldest = stated_time(backup.state["first_ts"])
    return oldest is not None and oldest + max_age <= now


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
