"""A dead letter as it stands: what its replays left of it. Pure.

The letter itself is never written again: how often it was replayed, and which of its readings failed again, follows
from the receipts of its replays, which are written in the transaction that stores the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from athlete_ally.core.audit_log import Attempt
from athlete_ally.core.broker.topology import redrive_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import Letter, original_indexes
from athlete_ally.core.messages.identity import derived_id, message_id
from athlete_ally.core.messages.message import OutgoingMessage


@dataclass(frozen=True, slots=True)
class LetterState:
    """A letter with its replays. `remaining` are the positions of its readings not yet stored; None means all."""

    letter: Letter
    attempts: tuple[Attempt, ...] = ()
    remaining: tuple[int, ...] | None = None

    @property
    def replays(self) -> int:
        """How often it was replayed to an end."""
        return self.letter.replays + len(self.attempts)

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to replay: all that is missing is its removal."""
        return self.remaining == ()

    @property
    def readings(self) -> int:
        """How many of its readings are left."""
        return self.letter.readings if self.remaining is None else len(self.remaining)

    @property
    def next_message_id(self) -> str:
        """The id of its next replay, the same for every run, until that replay has ended."""
        return derived_id("redrive", message_id("letter", self.letter.identity.encode()), self.replays + 1)

    def current(self) -> Letter:
        """Return the letter with only the readings that are left, byte for byte.

        Raises:
            InvalidMessage: its history does not fit its body.
        """
        return self.letter if self.remaining is None else self.letter.with_readings(self.remaining)


def letter_state(letter: Letter, attempts: Sequence[Attempt] = ()) -> LetterState:
    """Return how a letter stands after these replays, in order."""
    remaining: tuple[int, ...] | None = None
    for attempt in attempts:
        remaining = _left(letter, remaining, attempt)
    return LetterState(letter, tuple(attempts), remaining)


def replay_message(letter_state: LetterState) -> OutgoingMessage:
    """Return the message that replays what is left of a letter, to the durable that failed and to no other.

    What the letter says of its failure stays behind, so that whatever fitted once fits again.

    Raises:
        InvalidMessage: its history does not fit its body.
    """
    letter = letter_state.current()
    copied = {name: value for name, value in letter.headers.items() if not name.lower().startswith(_LEFT_BEHIND)}
    return OutgoingMessage(
        stream=letter.original_stream,
        subject=f"{redrive_subject(letter.original_stream, letter.durable).removesuffix('>')}letter",
        body=letter.body,
        message_id=letter_state.next_message_id,
        headers={**copied, headers.REPLAY_OF: letter.identity},
    )


_LEFT_BEHIND = ("nats-", "aa-dlq-", "aa-replay-")


def _left(letter: Letter, before: tuple[int, ...] | None, attempt: Attempt) -> tuple[int, ...] | None:
    if not attempt.rejected:
        return ()
    if len(attempt.rejected) >= attempt.readings:
        return before
    rejected = {each.index for each in attempt.rejected}
    indexes = original_indexes(letter.headers, letter.readings)
    positions = range(len(indexes)) if before is None else before
    left = tuple(position for position in positions if indexes[position] in rejected)
    # A letter that does not count its readings rightly is replayed whole: what is stored already is superseded.
    return left if len(left) == len(rejected) else before
