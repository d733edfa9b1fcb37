"""What setting a durable back, or forward, would do to its messages. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rewind:
    """A durable's next message becomes the one with `sequence`; the figures are messages of its subjects.

    `again` were processed and come once more; `waiting` are pending and come in any case; `skipped` are pending and
    would never come. `gone` tells that older messages than the oldest in the stream were asked for.
    """

    durable: str
    stream: str
    ack_floor: int
    sequence: int
    again: int
    waiting: int
    skipped: int
    gone: bool

    @property
    def loses(self) -> bool:
        """Tell whether messages would never be processed."""
        return self.skipped > 0

    def __str__(self) -> str:
        parts = [f"{self.durable}: the next message is {self.sequence} (settled up to {self.ack_floor} now)"]
        if self.again:
            parts.append(f"{self.again:,} settled messages are delivered again")
        parts.append(f"{self.waiting:,} that wait are delivered as before")
        if self.skipped:
            parts.append(f"{self.skipped:,} that wait are never delivered")
        if self.gone:
            parts.append("what was asked for begins earlier than the oldest message that is left")
        return "; ".join(parts)


def rewind(  # noqa: PLR0913  # what was counted, one by one
    durable: str, stream: str, *, ack_floor: int, sequence: int, from_there: int, from_floor: int, first_sequence: int
) -> Rewind:
    """Work out what comes again and what is skipped.

    `from_there` counts messages of the durable from `sequence` on, `from_floor` those behind the ack floor.
    """
    ahead = sequence > ack_floor + 1
    return Rewind(
        durable,
        stream,
        ack_floor,
        sequence,
        again=0 if ahead else from_there - from_floor,
        waiting=from_there if ahead else from_floor,
        skipped=from_floor - from_there if ahead else 0,
        gone=sequence < first_sequence,
    )
