"""What `doctor` says of the message journal."""

from datetime import UTC, datetime

import pytest

from athlete_ally.core.messages.journal_entry import JournalFolder, JournalMode
from athlete_ally.ops.doctor.message_journal import check_message_journal

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def folder(free_bytes: int = 2**34, *, is_writable: bool = True) -> JournalFolder:
    """Return what a folder holds."""
    return JournalFolder("/journal", 2**20, free_bytes, NOON, is_writable)


@pytest.mark.parametrize(
    ("mode", "environment", "found", "status"),
    [
        ("off", "dev", None, "ok"),
        ("off", "production", None, "warning"),
        ("required", "production", None, "ok"),
        ("required", "production", folder(), "ok"),
        ("best-effort", "dev", folder(2**30 - 1), "warning"),
        ("required", "production", folder(is_writable=False), "failure"),
    ],
)
def test_it_is_checked_where_it_is(
    mode: JournalMode, environment: str, found: JournalFolder | None, status: str
) -> None:
    """
    Off is usual in dev only; little room and a folder that can't be written are findings with a remedy.
    """
    check = check_message_journal(mode, environment, found)

    assert (check.status, bool(check.remedy)) == (status, status != "ok")
