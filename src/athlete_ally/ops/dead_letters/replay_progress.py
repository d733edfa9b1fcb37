"""How far a replay has come, and what its journal says of each step. Pure."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from athlete_ally.core.audit_log import Attempt, AuditEntry, AuditNote
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.replay_plan import Plan


@dataclass(slots=True)
class Progress:
    """How far a replay has come, in letters, and in readings by outcome. `stopped` says why it ended early."""

    run: str
    wanted: int
    published: int = 0
    settled: int = 0
    removed: int = 0
    failed: int = 0
    stored: int = 0
    superseded: int = 0
    failed_readings: int = 0
    stopped: str = ""

    def count(self, details: Mapping[str, Any]) -> None:
        """Count a letter whose outcome is known, as its line in the journal tells it."""
        self.settled += 1
        self.failed += bool(details.get("failed"))
        self.stored += details.get("stored", 0)
        self.superseded += details.get("superseded", 0)
        self.failed_readings += details.get("failed", 0)

    def take_up(self, before: Sequence[AuditEntry]) -> dict[int, AuditNote]:
        """Count what the run noted so far; return what was noted of letters without an outcome, by their sequences."""
        unconfirmed: dict[int, AuditNote] = {}
        for note in (each.note for each in before):
            if note.step == "published":
                unconfirmed[note.sequence or 0] = note
            elif note.step == "settled":
                unconfirmed.pop(note.sequence or 0, None)
                self.published += 1
                self.removed += not note.details.get("failed")
                self.count(note.details)
        self.published += len(unconfirmed)
        return unconfirmed

    @property
    def in_flight(self) -> int:
        """Letters whose outcome is not known yet."""
        return self.published - self.settled

    @property
    def share_failed(self) -> float:
        """Return which share of the settled letters failed again."""
        return self.failed / self.settled if self.settled else 0.0


Hears = Callable[[Progress], None]
Asks = Callable[[Progress], Awaitable[bool]]


async def always(_progress: Progress) -> bool:
    """Go on after the canary without asking."""
    return True


def details_of_start(plan: Plan) -> dict[str, Any]:
    """Return what a run notes when it begins: all that it takes to go on with it."""
    terms = plan.terms
    return {
        "selection": plan.selection.document(),
        "to_sequence": plan.to_sequence,
        "letters": plan.letters,
        "rate_per_s": terms.rate_per_s,
        "most": terms.most,
        "canary": terms.canary,
        "stop_at": terms.stop_at,
        "force": terms.force,
        "most_behind": terms.most_behind,
        "durables": [list(each) for each in plan.by_durable],
    }


def details_of_publishing(letter_state: LetterState) -> dict[str, Any]:
    """Return what is noted before a letter is published."""
    return {"message_id": letter_state.next_message_id}


def details_of_outcome(outcome: Attempt) -> dict[str, Any]:
    """Return what is noted of a replay that came to an end."""
    details = {
        "message_id": outcome.message_id,
        "outcome": "failed" if outcome.rejected else "stored" if outcome.stored else "superseded",
        "stored": outcome.stored,
        "superseded": outcome.superseded,
        "failed": len(outcome.rejected),
    }
    return {**details, "error": outcome.rejected[0].error} if outcome.rejected else details


def details_of_end(progress: Progress) -> dict[str, Any]:
    """Return what a run notes when it ends, or stops."""
    return {
        "published": progress.published,
        "removed": progress.removed,
        "failed": progress.failed,
        "stored": progress.stored,
        "superseded": progress.superseded,
        "stopped": progress.stopped,
    }
