"""What a doctor's round finds about PostgreSQL: whether it takes writes, connections, and who blocks whom. Pure."""

from collections.abc import Sequence

from athlete_ally.core.database import Blocked, DatabaseState
from athlete_ally.ops.doctor.finding import Check

# A lock of ours is held for milliseconds; a session that waits this long waits for somebody who forgot it.
BLOCKED_TO_WARN_S = 5.0
_CONNECTIONS_TO_WARN = 0.9


def check_database(state: DatabaseState) -> list[Check]:
    """Check whether workers can store now."""
    return [_writes(state), _connections(state), *_blocked(state.blocked)]


def _writes(state: DatabaseState) -> Check:
    if state.is_replica:
        detail = "this server is a replica (a failover made another one the primary): nothing can be stored"
        return Check("writes", "failure", detail, "let DATABASE_URL name the primary (or add target_session_attrs)")
    if state.is_read_only:
        detail = "transaction_read_only is on: nothing can be stored"
        remedy = (
            "find what made it read-only (a failover, a full disk's guard), then RESET default_transaction_read_only"
        )
        return Check("writes", "failure", detail, remedy)
    return Check("writes", "ok", "transactions may write")


def _connections(state: DatabaseState) -> Check:
    detail = f"{state.connections} of {state.max_connections} in use"
    if state.connections < _CONNECTIONS_TO_WARN * state.max_connections:
        return Check("connections", "ok", detail)
    remedy = "end idle sessions (pg_stat_activity), lower AA_DATABASE_POOL_SIZE, or raise max_connections"
    return Check("connections", "warning", detail, remedy)


def _blocked(sessions: Sequence[Blocked]) -> list[Check]:
    checks = [
        Check(
            "blocked sessions",
            "failure",
            f"{each.program or 'a session'} waits for {each.waits_s:.0f} s for a lock on {each.table or 'a row'}, "
            f"held by pid {each.by_pid} ({each.by_program or 'no application_name'})",
            f"let that session end; `SELECT pg_terminate_backend({each.by_pid})` ends it",
        )
        for each in sessions
        if each.waits_s >= BLOCKED_TO_WARN_S
    ]
    return checks or [Check("blocked sessions", "ok", "nobody waits for a lock")]
