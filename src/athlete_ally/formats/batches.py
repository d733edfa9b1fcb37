"""Packing readings into the requests that carry them: the same readings in the same order make the same requests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

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
    """Yield requests, each as soon as it is full, and the rest at the end; `tally` sees every finding."""
    piles: dict[str, _Pile] = {}
    number = 0
    for finding in findings:
        tally.add(finding)
        if not isinstance(finding, Found):
            continue
        encoded = msgspec.json.encode(finding.reading)
        pile = piles.setdefault(finding.kind, _Pile([]))
        if pile.readings and (pile.size + len(encoded) > _MOST_BYTES or len(pile.readings) >= _MOST_READINGS):
            number += 1
            yield Batch(number, finding.kind, tuple(pile.readings))
            pile = piles[finding.kind] = _Pile([])
        pile.readings.append(encoded)
        pile.size += len(encoded)
    for kind, pile in piles.items():
        number += 1
        yield Batch(number, kind, tuple(pile.readings))
