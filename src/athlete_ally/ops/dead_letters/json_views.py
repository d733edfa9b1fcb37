"""Dead letters, groups, predictions and plans as JSON documents: what `--json` prints and the console shows. Pure."""

from dataclasses import asdict
from typing import Any

from athlete_ally.core.audit_log import Attempt, AuditEntry
from athlete_ally.ops.dead_letters.grouping import Group, Groups
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.masking import masked_body
from athlete_ally.ops.dead_letters.predictions import Tally
from athlete_ally.ops.dead_letters.replay_plan import Plan


def summary(each: LetterState, *, with_history: bool) -> dict[str, Any]:
    """Return what a list says of a letter; `replays` is null where the database could not be asked."""
    letter = each.letter
    return {
        "seq": letter.sequence,
        "subject": letter.subject,
        "kind": letter.kind or letter.vendor,
        "reason": letter.reason,
        "error": letter.error,
        "fingerprint": letter.fingerprint,
        "readings": str(each.readings),
        "at": letter.dead_since.isoformat(timespec="milliseconds"),
        "replays": each.replays if with_history else None,
        "durable": letter.durable,
        "sender": letter.sender,
        "shelf": letter.shelf,
        "letter": letter.identity,
    }


def group_document(group: Group, letters: int) -> dict[str, Any]:
    """Return what `top` says of a group."""
    return {
        "fingerprint": group.fingerprint,
        "letters": group.letters,
        "readings": group.readings,
        "share": round(group.share(letters), 4),
        "source": group.source,
        "reason": group.reason,
        "error": group.error,
        "senders": dict(group.largest_senders()),
        "first_seen": group.first_seen.isoformat(timespec="milliseconds"),
        "last_seen": group.last_seen.isoformat(timespec="milliseconds"),
        "example": group.example,
        "by_hour": group.by_hour,
    }


def prediction_document(tally: Tally) -> dict[str, Any]:
    """Return what `test` says."""
    return {
        "letters": tally.letters,
        "passing": tally.passing,
        "share_passing": round(tally.share_passing, 4),
        "failing": tally.letters_failing,
        "unknown": tally.unknown,
        "readings": {
            "stored": tally.stored,
            "superseded": tally.superseded,
            "duplicate": tally.duplicate,
            "ignored": tally.ignored,
            "failing": tally.failing,
        },
        "failures": [
            {"reason": reason, "error": error, "readings": count} for reason, error, count in tally.commonest_failures()
        ],
        "unknowns": [{"why": why, "letters": count} for why, count in tally.commonest_unknowns()],
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON."""
    return {
        "letters": plan.letters,
        "by_durable": {durable: count for (_, durable), count in plan.by_durable.items()},
        "rate_per_s": plan.terms.rate_per_s,
        "seconds": round(plan.seconds, 1),
        "prediction": prediction_document(plan.tally),
        "skipped": dict(plan.skipped),
        "refusals": plan.refusals,
    }


def letter_document(found: LetterState, *, reveal: bool, with_history: bool) -> dict[str, Any]:
    """Return everything about a letter; its body as it is only where that is to be revealed."""
    return {
        **summary(found, with_history=with_history),
        "headers": dict(found.letter.headers),
        "attempts": [_attempt_document(attempt) for attempt in found.attempts],
        "masked_body": masked_body(found.letter.body),
        "body": found.letter.body.decode(errors="backslashreplace") if reveal else None,
    }


def _attempt_document(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": attempt.at.isoformat(timespec="milliseconds"),
        "message_id": attempt.message_id,
        "stored": attempt.stored,
        "superseded": attempt.superseded,
        "rejected": [asdict(each) for each in attempt.rejected],
    }


def groups_document(groups: Groups) -> dict[str, Any]:
    """Return what `top` says."""
    found = [group_document(group, groups.letters) for group in groups.largest()]
    return {"letters": groups.letters, "readings": groups.readings, "groups": found}


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """Return a line of the journal."""
    return {"entry": entry.entry, "at": entry.at.isoformat(timespec="milliseconds"), **asdict(entry.note)}
