"""Quantities: what a number of a reading can be, what it may plausibly be, and the normalising that follows from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.reading import Reading
from athlete_ally.core.readings.record import AnyRecord, Arrival, common_columns

Flags = tuple[str, ...]
AnyReading = TypeVar("AnyReading", bound=Reading)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a reading, `name` being its attribute there, and the column of the record that it becomes.

    Both ranges include their bounds. Outside `possible` the reading is refused, outside `plausible` it is stored with
    the flag `{name}-implausible`.
    """

    name: str
    column: str
    unit: str
    possible: tuple[float, float]
    plausible: tuple[float, float]

    @property
    def field(self) -> str:
        """Return its name on the wire."""
        first, *others = self.name.split("_")
        return first + "".join(other.capitalize() for other in others)

    def check(self, value: float) -> None:
        """Return if the value is possible.

        Raises:
            InvalidReading: it is not; the text names the field and the limits.
        """
        lowest, highest = self.possible
        if not lowest <= value <= highest:
            raise InvalidReading(self.field, f"not in [{lowest:g}, {highest:g}] {self.unit}".rstrip())

    def flags(self, value: float) -> Flags:
        """Return the flag of an implausible value, if it is one."""
        lowest, highest = self.plausible
        return () if lowest <= value <= highest else (f"{self.name.replace('_', '-')}-implausible",)


def no_flags(_reading: Reading) -> Flags:
    """Return nothing: the flags of a kind whose quantities say it all."""
    return ()


def at_least_one(quantities: Sequence[Quantity]) -> Callable[[Reading], list[tuple[str, str]]]:
    """Return the rule across fields of a kind whose quantities are all optional."""

    def problems_of(reading: Reading) -> list[tuple[str, str]]:
        if any(getattr(reading, quantity.name) is not None for quantity in quantities):
            return []
        return [(quantities[0].field, f"needed: at least one of {', '.join(each.field for each in quantities)}")]

    return problems_of


def normaliser(
    record_type: type[AnyRecord],
    quantities: Sequence[Quantity],
    *,
    also: Sequence[str] = (),
    flags_of: Callable[[AnyReading], Flags] = no_flags,
) -> Callable[[AnyReading, Arrival, int, Rules], AnyRecord]:
    """Return the `normalise` of a kind whose columns are quantities.

    `also` names attributes that become columns of the same name, as they are; `flags_of` sees where fields disagree.
    """

    def normalise(reading: AnyReading, arrival: Arrival, index: int, _rules: Rules) -> AnyRecord:
        columns = common_columns(reading, arrival, index)
        for quantity in quantities:
            value = getattr(reading, quantity.name)
            columns[quantity.column] = value
            if value is not None:
                quantity.check(value)
                columns["quality_flags"] += quantity.flags(value)
        columns["quality_flags"] += flags_of(reading)
        return record_type(**columns, **{name: getattr(reading, name) for name in also})

    return normalise
