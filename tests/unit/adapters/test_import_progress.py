"""The journal of an import says no more than what is certain."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athlete_ally.adapters.files.import_progress import ImportProgress
from athlete_ally.core.errors import Misconfigured


def now() -> datetime:
    """Return when the first run began."""
    return datetime(2026, 11, 20, 12, tzinfo=UTC)


def later() -> datetime:
    """Return when another one began."""
    return now() + timedelta(hours=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(1, 9)), st.integers(0, 8))
def test_what_is_acknowledged_has_no_gaps(tmp_path: Path, order: list[int], until: int) -> None:
    """
    Whatever the order of answers: after a crash the file names the batches before the first that was not answered.
    """
    path = tmp_path / "journal.json"
    journal = ImportProgress(path, now=now, again=True)
    for number in order[:until]:
        journal.acknowledge(number, accepted=number, duplicates=0, refused=1)
    answered = set(order[:until])
    certain = next(number for number in range(9) if number + 1 not in answered)
    kept = ImportProgress(path, now=later).progress
    path.unlink(missing_ok=True)

    assert (certain, sum(range(certain + 1)), certain) == (kept.acknowledged, kept.accepted, kept.refused)
    assert kept.started_at == (now() if certain else later())


def test_complete_is_kept_and_again_forgets_it(tmp_path: Path) -> None:
    """
    A finished import says so the next time, unless it is to be done again.
    """
    path = tmp_path / "deep" / "journal.json"
    ImportProgress(path, now=now).complete()

    assert (
        ImportProgress(path, now=now).progress.is_complete,
        ImportProgress(path, now=now, again=True).progress.is_complete,
    ) == (
        True,
        False,
    )


def test_a_broken_journal_is_named(tmp_path: Path) -> None:
    """
    A file that is not a journal stops the import and says what to remove.
    """
    path = tmp_path / "journal.json"
    path.write_bytes(b"{")

    with pytest.raises(Misconfigured, match=r"journal\.json: the journal can't be used .* remove it"):
        ImportProgress(path, now=now)
