"""The dry run for the dead letters of each durable: the code of its worker, without side effects."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.record_lookup import PostgresRecordLookup
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import fetch_durable, normalize_durable, unpack_durable
from athlete_ally.core.dry_run import DryRun
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.fetch.dry_run import FetchDryRun
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.normalize.dry_run import UnpackDryRun, normaliser
from athlete_ally.ops.dead_letters.predictions import Predictor
from athlete_ally.wiring.builders import known_vendors


def build_predictor(settings: Settings, pool: "asyncpg.Pool[Any] | None") -> Predictor:
    """Return the predictor; without a `pool`, passing readings count as stored, and links of accounts are unknown."""
    webhook_store = None if pool is None else PostgresWebhookStore(pool)
    kinds = {measurement.kind: measurement for measurement in MEASUREMENTS}
    rules = Rules(artefact_filter=settings.hrv_artefact_filter)
    known = known_vendors(settings)
    by_durable: Mapping[str, DryRun] = {
        **{normalize_durable(kind): normaliser(measurement, rules) for kind, measurement in kinds.items()},
        **{unpack_durable(each.name): UnpackDryRun(each, kinds, rules, webhook_store) for each in known},
        **{fetch_durable(each.name): FetchDryRun(each, webhook_store) for each in known if each.api is not None},
    }
    return Predictor(by_durable, None if pool is None else PostgresRecordLookup(pool, MEASUREMENTS))
