"""Packing readings into the requests that carry them: the same readings in the same order make the same requests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.import_summary import Tally
from athlete_ally.formats.parse_result import Finding, Found

# A request becomes one message, which holds up to a megabyte; half of that keeps memory and retries small.
_MOST_BYTES = 512 * 1024
# Well below what ingest takes in one request (10,000).
_MOST_READINGS = 2000


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings of one kind, encoded; `number` counts from 1."""

    number: int
    kind: str
    readings: tuple[bytes, ...]


@dataclass(slots=True)
class _Pile:
    readings: list[bytes]
    size: int = 0


def batches(findings: Iterable[Finding], tally: Tally) -> Iterator[Batch]:
    """Yield requests, each as soon as it is full, and the rest at the end; `tally` sees every finding.

    Raises:
        UnreadableFile: `findings` did; all that it yielded before is in a request.
    """
    packer = _Packer()
    damage: UnreadableFile | None = None
    try:
        for finding in findings:
            tally.add(finding)
            if isinstance(finding, Found) and (batch := packer.add(finding)) is not None:
                yield batch
    except UnreadableFile as error:
        damage = error
    yield from packer.rest()
    if damage is not None:
        raise damage


class _Packer:
    def __init__(self) -> None:
        self._piles: dict[str, _Pile] = {}
        self._number = 0

    def add(self, found: Found) -> Batch | None:
        """Put a reading on the pile of its kind; return what lay there if it would be too much."""
        encoded = msgspec.json.encode(found.reading)
        full = None
        pile = self._piles.setdefault(found.kind, _Pile([]))
        if pile.readings and (pile.size + len(encoded) > _MOST_BYTES or len(pile.readings) >= _MOST_READINGS):
            full = self._batch(found.kind, pile)
            pile = self._piles[found.kind] = _Pile([])
        pile.readings.append(encoded)
        pile.size += len(encoded)
        return full

    def rest(self) -> list[Batch]:
        """Return what lies on the piles."""
        return [self._batch(kind, pile) for kind, pile in self._piles.items()]

    def _batch(self, kind: str, pile: _Pile) -> Batch:
        self._number += 1
        return Batch(self._number, kind, tuple(pile.readings))
