"""A dead letter as it is kept in AA_DLQ, and what its headers say. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.sender import sender_of, vendor_sender
from athlete_ally.core.messages.trace import trace_id
from athlete_ally.core.readings.reading import pick_readings

Shelf = Literal["waiting", "quarantine", "resolved"]
SHELVES: Final[tuple[Shelf, ...]] = ("waiting", "quarantine", "resolved")

_MOST_DIGITS = 18
_SENDERS = {"normalize": "kind", "vendor": "vendor"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as AA_DLQ has it."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes
    stored_at: datetime

    @property
    def identity(self) -> str:
        """What names it for good: the same on every shelf, after an export, and for two copies of one letter."""
        stated = self.headers.get(headers.DLQ_LETTER) or self.headers.get(headers.MSG_ID)
        return stated or message_id(self.subject, self.body)

    @property
    def shelf(self) -> Shelf:
        """Whether it waits for somebody, or was put aside."""
        first = self.subject.split(".")[1:2]
        return "quarantine" if first == ["quarantine"] else "resolved" if first == ["resolved"] else "waiting"

    @property
    def waiting_subject(self) -> str:
        """Its subject without the shelf."""
        return self.subject if self.shelf == "waiting" else f"dlq.{self.subject.split('.', 2)[2]}"

    @property
    def reason(self) -> str:
        """Why it is here."""
        return self.headers.get(headers.DLQ_REASON, "")

    @property
    def error(self) -> str:
        """Type and text of the failure, without personal data."""
        return self.headers.get(headers.DLQ_ERROR, "")

    @property
    def fingerprint(self) -> str:
        """Equal for failures of the same sort."""
        return self.headers.get(headers.DLQ_FINGERPRINT, "")

    @property
    def durable(self) -> str:
        """The durable that failed."""
        return self.headers.get(headers.ORIGINAL_CONSUMER, "")

    @property
    def original_stream(self) -> str:
        """The stream of the original."""
        return self.headers.get(headers.ORIGINAL_STREAM, "")

    @property
    def worker_version(self) -> str:
        """The version of the worker that gave it up."""
        return self.headers.get(headers.DLQ_WORKER_VERSION, "")

    @property
    def trace_id(self) -> str | None:
        """The trace of the request that brought the original, where it had one."""
        return trace_id(self.headers.get(headers.TRACEPARENT))

    @property
    def kind(self) -> str:
        """Its kind, or "" if it is not from a normaliser."""
        return self._part("kind")

    @property
    def vendor(self) -> str:
        """Its vendor, or "" if it is not from a vendor."""
        return self._part("vendor")

    @property
    def readings(self) -> int:
        """How many readings it holds, as its writer counted them; 1 where it does not say."""
        return number(self.headers, headers.READINGS) or 1

    @property
    def sender(self) -> str:
        """The sender of the original: a key's name, a vendor, or `unknown`."""
        return vendor_sender(self.vendor) if self.vendor else sender_of(self.headers)

    @property
    def replays(self) -> int:
        """How often it was replayed before it came into this AA_DLQ."""
        return number(self.headers, headers.DLQ_REPLAYS) or 0

    @property
    def dead_since(self) -> datetime:
        """When it was dead-lettered; without a valid header, when AA_DLQ stored it."""
        try:
            stated = datetime.fromisoformat(self.headers.get(headers.DLQ_AT, ""))
        except ValueError:
            return self.stored_at
        return self.stored_at if stated.tzinfo is None else stated.astimezone(UTC)

    def _part(self, what: str) -> str:
        parts = self.waiting_subject.split(".")
        return parts[2] if len(parts) > 2 and _SENDERS.get(parts[1]) == what else ""  # noqa: PLR2004  # dlq.{sender}.{name}

    def with_readings(self, positions: tuple[int, ...]) -> "Letter":
        """Return it with only the readings at these positions of its body, byte for byte.

        Raises:
            InvalidMessage: the body can't be split.
        """
        indexes = original_indexes(self.headers, self.readings)
        if positions and max(positions) >= len(indexes):
            raise InvalidMessage("the letter has fewer readings than its history says")
        kept = ",".join(str(indexes[position]) for position in positions)
        changed = {headers.READINGS: str(len(positions)), headers.READING_INDEXES: kept}
        return replace(self, body=pick_readings(self.body, positions), headers={**self.headers, **changed})


def original_indexes(stated: Mapping[str, str], readings: int) -> tuple[int, ...]:
    """Return for each reading of a body its index in the original message; where that is not said, its position."""
    text = stated.get(headers.READING_INDEXES, "")
    parts = text.split(",")
    if len(parts) == readings and all(
        part.isascii() and part.isdigit() and len(part) <= _MOST_DIGITS for part in parts
    ):
        return tuple(map(int, parts))
    return tuple(range(readings))


def number(stated: Mapping[str, str], header: str) -> int | None:
    """Return the number that a header states, or None where it states none."""
    text = stated.get(header, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def shelved_subject(waiting_subject: str, shelf: Shelf) -> str:
    """Return the subject of a letter on a shelf."""
    return waiting_subject if shelf == "waiting" else f"dlq.{shelf}.{waiting_subject.removeprefix('dlq.')}"
