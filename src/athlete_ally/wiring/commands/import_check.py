"""Looking at readings before they are sent: what normalize would dead-letter is told to the person who has the file.

A vendor's impossible value becomes a dead letter, since nobody else has it. An import's stands in a file that somebody
keeps, and hundreds of dead letters at once would open the worker's fuse.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.formats.parse_result import Finding, Found
from athlete_ally.measurements import MEASUREMENTS

Refusals = Counter[tuple[str, str, str]]
"""How many readings were refused, by kind, field and reason; without values."""

_BY_KIND = {measurement.kind: measurement for measurement in MEASUREMENTS}


def sound(findings: Iterable[Finding], refusals: Refusals, *, at: datetime) -> Iterator[Finding]:
    """Yield what can be stored, and count the rest; `at` is the present instant, the same whenever this is repeated."""
    arrival = Arrival(message_id="", stream_sequence=0, received_at=at)
    for finding in findings:
        problem = _problem(_BY_KIND[finding.kind], finding, arrival) if isinstance(finding, Found) else None
        if problem is None:
            yield finding
        else:
            refusals[problem] += 1


def _problem(measurement: Measurement, found: Found, arrival: Arrival) -> tuple[str, str, str] | None:
    good, problems = measurement.decoder.decode_all([msgspec.Raw(msgspec.json.encode(found.reading))])
    for problem in problems:
        return (found.kind, problem.field, problem.message)
    try:
        measurement.normalise(good[0], arrival, 0, Rules())
    except InvalidReading as error:
        # A place in a list says nothing to a person who has a million of them, and would make each count by itself.
        return (found.kind, error.field.partition("[")[0], error.problem)
    return None
