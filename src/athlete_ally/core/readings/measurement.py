"""The port of a kind: what one file in `measurements/` has to provide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from athlete_ally.core.readings.beats import ArtefactFilter
from athlete_ally.core.readings.reading import Decoder
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.core.readings.sessions import Overlap


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator may choose about normalising; part of the settings, never implicit."""

    artefact_filter: ArtefactFilter = "off"


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """A kind of measurement: how its readings are read, and how one becomes a record.

    `normalise(reading, arrival, index, rules)` is pure and raises `InvalidReading` for an impossible value.
    `record_type` has a field for each column of the table. `examples` are readings as on the wire, for OpenAPI, docs
    and tests. `bulky` columns are stored but not announced. `overlap` says when an overlap makes records versions of
    one session.
    """

    kind: str
    title: str
    decoder: Decoder[Any]
    record_type: type[Record]
    normalise: Callable[[Any, Arrival, int, Rules], Record]
    examples: tuple[dict[str, Any], ...]
    bulky: frozenset[str] = frozenset({"raw"})
    overlap: Overlap = "never"

    @property
    def table(self) -> str:
        """The name of the kind's table."""
        return f"{self.kind}_data"
