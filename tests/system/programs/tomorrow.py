"""The program as of tomorrow: HRV readings may have a `mood`, which today's code refuses as an unknown field.

`tomorrow.py DIES ARGUMENTS...` runs `athlete-ally ARGUMENTS...`. DIES is `never`, or `before-` or `after-` and
`publish`, `remove` or `note` and a number: the process kills itself at that call of that many.
"""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

from athlete_ally import measurements
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.core.readings.reading import Decoder
from athlete_ally.measurements.hrv import HrvReading, problems_of

_METHODS = {
    "publish": (NatsPublisher, "publish"),
    "remove": (NatsLetters, "remove"),
    "note": (PostgresAuditLog, "write"),
}


class TomorrowsReading(HrvReading, frozen=True, kw_only=True):
    """An HRV reading with one field more."""

    mood: int | None = None


def gain_the_field() -> None:
    """Replace the kind before anything else has taken it from the registry."""
    tomorrows = replace(measurements.HRV, decoder=Decoder[TomorrowsReading].for_type(TomorrowsReading, problems_of))
    kinds = (tomorrows if each.kind == "hrv" else each for each in measurements.MEASUREMENTS)
    for name, value in {"MEASUREMENTS": tuple(kinds), "HRV": tomorrows}.items():
        setattr(measurements, name, value)


def die_at(step: str) -> None:
    """Make the process end at the chosen call."""
    from programs.dying import die  # noqa: PLC0415  # takes the kinds from the registry, too

    when, what, number = step.split("-")
    owner, name = _METHODS[what]
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)
    calls = count(1)

    async def wrapped(*arguments: Any, **options: Any) -> Any:
        is_last = next(calls) == int(number)
        if is_last and when == "before":
            die()
        result = await real(*arguments, **options)
        if is_last:
            die()
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    gain_the_field()
    if sys.argv[1] != "never":
        die_at(sys.argv[1])
    from athlete_ally.cli import main  # takes the kinds from the registry

    sys.argv = ["athlete-ally", *sys.argv[2:]]
    main()
