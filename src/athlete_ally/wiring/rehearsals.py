"""Which code rehearses the replay of which durable's dead letters: that of its worker, without effects."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.held import PostgresHeld
from athlete_ally.config.settings import Settings
from athlete_ally.core.measurement import Measurement, Rules
from athlete_ally.core.messages import Delivery
from athlete_ally.core.topology import normalize_durable
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.normalize.prepare import prepare
from athlete_ally.ops.rehearsal import Rehearsal, Rehearsals, Rehearsed


def build_rehearsals(settings: Settings, pool: "asyncpg.Pool[Any] | None") -> Rehearsals:
    """Return what predicts; without a `pool`, what passes counts as stored, since it can't be compared."""
    by_durable: Mapping[str, Rehearsal] = {
        normalize_durable(measurement.kind): _normaliser(measurement, settings) for measurement in MEASUREMENTS
    }
    return Rehearsals(by_durable, None if pool is None else PostgresHeld(pool, MEASUREMENTS))


def _normaliser(measurement: Measurement, settings: Settings) -> Rehearsal:
    rules = Rules(artefact_filter=settings.hrv_artefact_filter)

    def rehearse(delivery: Delivery) -> Rehearsed:
        lot = prepare(measurement, delivery, rules)
        return Rehearsed(len(lot.records), lot.rejected, measurement.kind, lot.records)

    return rehearse
