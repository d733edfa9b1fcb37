"""What a database says of itself: whether it takes writes, its connections, and who waits for whom."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blocked:
    """A session that waits for a lock: since how many seconds, on which table, and for which session."""

    program: str
    waits_s: float
    table: str
    by_pid: int
    by_program: str


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What the server says of itself. `is_replica`: it repeats what another server writes."""

    is_read_only: bool
    is_replica: bool
    connections: int
    max_connections: int
    blocked: tuple[Blocked, ...]
