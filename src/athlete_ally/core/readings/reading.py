"""What every reading has in common, whatever its kind, and how bytes become readings.

Field types check shape only: a value that is merely impossible for a body (rMSSD of 900 ms) is a matter for the kind's
`normalise`. Shape is the sender's mistake and refuses the request; an impossible value is the sensor's, and must not
cost the good readings beside it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from athlete_ally.core.errors import InvalidMessage

# Neither PostgreSQL text nor a log line can hold control characters; ECMA and Python read this pattern alike.
_NO_CONTROL_CHARACTERS = r"^(?![\s\S]*[\u0000-\u001f\u007f])"

LONGEST_LABEL = 128
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_LABEL, pattern=_NO_CONTROL_CHARACTERS)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
# What a quantity can be by its definition; what is possible for a body is decided by its kind's `normalise`.
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
# Nothing is colder; the other end only keeps numbers sane.
Celsius = Annotated[float, msgspec.Meta(ge=-273.15, le=1e3)]

_DEFAULT_SOURCE = "client"

Context = Literal["unspecified", "overnight", "morning", "spot", "workout", "nap", "multisport"]


class Reading(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True
):
    """One raw value set of one person, as its sender wrote it (field names in camelCase on the wire).

    `session_id` is the source's own name of the session, the same however often it changes: a night whose start moves
    stays one night. `day` (`date` on the wire) is the person's own calendar day; `start` and `end` bound the measured
    interval. At least one of the two is there. `captured_at` says when the device or app made the reading: the newest
    one wins.
    """

    user_id: Label
    captured_at: Instant
    day: date | None = msgspec.field(default=None, name="date")
    start: Instant | None = None
    end: Instant | None = None
    source: Label = _DEFAULT_SOURCE
    context: Context = "unspecified"
    device: Label | None = None
    session_id: Label | None = None
    raw: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Make a default that was spelt out the default: msgspec omits it by identity, and equal content has one id."""
        if self.source == _DEFAULT_SOURCE:
            msgspec.structs.force_setattr(self, "source", _DEFAULT_SOURCE)


R = TypeVar("R", bound=Reading)

# Finding the nearest name takes longer than decoding ten readings: nobody reads that many hints.
_MOST_HINTS = 100
# A sender may invent field names without end; that many of one reading say enough.
_MOST_UNKNOWN_FIELDS = 100
_MOST_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one reading: where (`index`, `field` as on the wire), and what was expected."""

    index: int
    field: str
    message: str


def common_problems(reading: Reading) -> list[tuple[str, str]]:
    """Return (field, problem) for rules across fields that hold for every kind."""
    problems: list[tuple[str, str]] = []
    if reading.day is None and reading.start is None:
        problems.append(("date", "needed: the person's local day (YYYY-MM-DD), or an interval by start and end"))
    if (reading.start is None) != (reading.end is None):
        missing = "end" if reading.end is None else "start"
        problems.append((missing, "needed: an interval has both start and end"))
    if reading.start is not None and reading.end is not None and reading.end <= reading.start:
        problems.append(("end", "must be later than start"))
    return problems


def no_problems(_reading: Reading) -> list[tuple[str, str]]:
    """Return nothing: the rules of a kind that has none beyond the common ones."""
    return []


@dataclass(frozen=True, slots=True)
class Decoder(Generic[R]):
    """Reads and writes the readings of one kind.

    `problems_of` returns (field, problem) for rules across fields, beyond what the types say.
    """

    reading_type: type[R]
    problems_of: Callable[[R], list[tuple[str, str]]]
    _typed: "msgspec.json.Decoder[R]"
    _fields: "Mapping[str, _Field]"

    @classmethod
    def for_type(
        cls, reading_type: type[R], problems_of: Callable[[R], list[tuple[str, str]]] = no_problems
    ) -> "Decoder[R]":
        """Build the decoder once; it is reused for every request."""
        fields = {
            field.encode_name: _Field(field.required, msgspec.json.Decoder(field.type))
            for field in msgspec.structs.fields(reading_type)
        }
        return cls(reading_type, problems_of, msgspec.json.Decoder(reading_type), fields)

    def decode_all(self, items: Sequence[msgspec.Raw]) -> tuple[dict[int, R], list[Problem]]:
        """Decode each item by itself: the good ones by index, and the problems of the others (at least one each)."""
        good: dict[int, R] = {}
        problems: list[Problem] = []
        for index, item in enumerate(items):
            outcome = self._decode_one(index, item, with_hints=len(problems) < _MOST_HINTS)
            if isinstance(outcome, list):
                problems += outcome
            else:
                good[index] = outcome
        return good, problems

    def decode_message(self, body: bytes) -> tuple[dict[int, R], list[Problem]]:
        """Decode a message of this kind: the good readings by index, and what is wrong with the others.

        Raises:
            InvalidMessage: the body is no JSON object with a list of readings in it.
        """
        return self.decode_all(split_message(body))

    def _problems(self, reading: R) -> list[tuple[str, str]]:
        return common_problems(reading) + self.problems_of(reading)

    def _decode_one(self, index: int, item: msgspec.Raw, *, with_hints: bool) -> R | list[Problem]:
        try:
            reading = self._typed.decode(item)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._locate(index, item, with_hints=with_hints) or [Problem(index, "", _without_values(error))]
        return [Problem(index, field, problem) for field, problem in self._problems(reading)] or reading

    def _locate(self, index: int, item: msgspec.Raw, *, with_hints: bool) -> list[Problem]:
        """Check field by field, since a struct's decoder stops at its first error."""
        try:
            values = msgspec.json.decode(item, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return [Problem(index, "", f"not a JSON object of readings' fields: {_without_values(error)}")]
        unknown = islice((name for name in values if name not in self._fields), _MOST_UNKNOWN_FIELDS)
        problems = [
            Problem(index, name[:_MOST_NAME_CHARACTERS], _unknown_field(name, self._fields if with_hints else ()))
            for name in unknown
        ]
        for name, field in self._fields.items():
            if name in values:
                problem = _type_problem(values[name], field.typed)
                problems += [Problem(index, name, problem)] if problem else []
            elif field.required:
                problems.append(Problem(index, name, "required, but missing"))
        return problems


@dataclass(frozen=True, slots=True)
class _Field:
    required: bool
    typed: "msgspec.json.Decoder[Any]"


class _RawMessage(msgspec.Struct, frozen=True):
    readings: list[msgspec.Raw]


def encode_messages(readings: Iterable[Reading], limit_bytes: int) -> list[tuple[bytes, int]]:
    """Return canonical bodies of at most `limit_bytes` for these readings, each with the number of its readings.

    Equal readings give equal bytes. A reading that passes the limit by itself gets a body of its own, which does too.
    """
    bodies: list[tuple[bytes, int]] = []
    pack: list[bytes] = []
    size = len(_MESSAGE_START) + len(_MESSAGE_END)
    for reading in readings:
        encoded = msgspec.json.encode(reading)
        if pack and size + len(encoded) + 1 > limit_bytes:
            bodies.append((_MESSAGE_START + b",".join(pack) + _MESSAGE_END, len(pack)))
            pack, size = [], len(_MESSAGE_START) + len(_MESSAGE_END)
        pack.append(encoded)
        size += len(encoded) + 1
    return [*bodies, (_MESSAGE_START + b",".join(pack) + _MESSAGE_END, len(pack))]


_MESSAGE_START = b'{"readings":['
_MESSAGE_END = b"]}"


def split_message(body: bytes) -> list[msgspec.Raw]:
    """Return the readings of a message, undecoded.

    Raises:
        InvalidMessage: the body is no JSON object with a list of readings in it.
    """
    try:
        body.decode()
        return msgspec.json.decode(body, type=_RawMessage).readings
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage(f'the body is not {{"readings": [...]}}: {_without_values(error)}') from error


def pick_readings(body: bytes, indexes: Sequence[int]) -> bytes:
    """Return a message body with only these readings of `body`, byte for byte as they were."""
    readings = split_message(body)
    return msgspec.json.encode({"readings": [readings[index] for index in indexes]})


def _without_values(error: Exception) -> str:
    # A UnicodeDecodeError prints the offending bytes, an enum's error what was sent: either may be health data.
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return re.sub(r"(?s)^(Invalid enum value) .*", r"\1 '...'", str(error))


def _type_problem(value: msgspec.Raw, typed: "msgspec.json.Decoder[Any]") -> str | None:
    try:
        typed.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _without_values(error)
    return None


def _unknown_field(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name[:_MOST_NAME_CHARACTERS], known, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown field; {hint}Put what is not in the schema under raw"
