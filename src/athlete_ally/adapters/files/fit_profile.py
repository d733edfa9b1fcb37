"""The names of FIT's profile, with scales and units of its fields: the tables that fitdecode brings along."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

import fitdecode.profile  # pyright: ignore[reportMissingTypeStubs]  # it has none

from athlete_ally.formats.fit_decode import RawMessage
from athlete_ally.formats.fit_message import EPOCH

_PROFILE: Any = fitdecode.profile
# https://developer.garmin.com/fit/protocol/ (date_time): what is smaller counts from power-up.
_FIRST_DATE_S = 0x10000000


@dataclass(frozen=True, slots=True)
class NamedMessage:
    """A data message with names, values in the units of the profile, and instants where it has any."""

    name: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])

    def get_value(self, field: str, *, fallback: Any) -> Any:
        """Return the value of a field, or `fallback` where the message has none."""
        return self.values.get(field, fallback)


def named(raw: RawMessage) -> NamedMessage:
    """Return a message with names; fields that the profile does not know are left out.

    A field of an app stands for the field of the profile that it names, where the device itself has written none
    (https://developer.garmin.com/fit/cookbook/developer-data/).
    """
    known = _PROFILE.MESSAGE_TYPES.get(raw.number)
    if known is None:
        return NamedMessage(f"unknown message {raw.number}")
    values: dict[str, Any] = {}
    for number, value in {**raw.developer, **raw.fields}.items():
        if (found := _field(raw.number, number)) is not None:
            name, render, subfields = found
            # An app writes its values in the unit of the field, without the scale that makes them short.
            values[name] = render(value) if number in raw.fields else value
            for subfield, rendered, asked, wanted in subfields:
                if raw.fields.get(asked) == wanted:
                    values[subfield] = rendered(value)
    return NamedMessage(known.name, values)


_Render = Callable[[Any], Any]


@cache
def _field(message: int, number: int) -> tuple[str, _Render, tuple[tuple[str, _Render, int, Any], ...]] | None:
    known = _PROFILE.MESSAGE_TYPES[message].fields.get(number)
    # A timestamp has one number in all messages, and stands in none of them.
    if known is None and number == _PROFILE.FIELD_NUM_TIMESTAMP:
        known = _PROFILE.FIELD_TYPE_TIMESTAMP
    if known is None:
        return None
    subfields = tuple(
        (subfield.name, _render(subfield), asked.def_num, asked.raw_value)
        for subfield in known.subfields or ()
        for asked in subfield.ref_fields
    )
    return known.name, _render(known), subfields


def _render(known: Any) -> _Render:
    names: dict[Any, str] = known.type.enum or {}
    scale, offset = known.scale or 1, known.offset or 0
    is_scaled = isinstance(scale, (int, float)) and (scale != 1 or offset)

    def one(value: Any) -> Any:
        if known.type.name == "date_time":
            return _instant(value)
        if known.type.name == "local_date_time":
            local = _instant(value)
            return local.replace(tzinfo=None) if isinstance(local, datetime) else local
        if isinstance(value, (int, float)) and is_scaled:
            return value / scale - offset
        return names.get(value, value)

    def render(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(one(each) for each in cast("tuple[Any, ...]", value))
        return one(value)

    return render


def _instant(value: Any) -> Any:
    if not isinstance(value, int) or value < _FIRST_DATE_S:
        return value
    return EPOCH + timedelta(seconds=value)
