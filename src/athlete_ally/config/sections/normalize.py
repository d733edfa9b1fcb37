"""The address, batches and circuit breaker of normalize."""

from pydantic import Field
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import NORMALIZE_PORT
from athlete_ally.core.readings.beats import ArtefactFilter


class NormalizeSettings(BaseSettings):
    """The address, batches and circuit breaker of normalize."""

    normalize_host: str = Field(
        "0.0.0.0",  # noqa: S104  # Prometheus and the orchestrator's probes come from outside
        validation_alias="AA_NORMALIZE_HOST",
        description="Address that normalize binds for health and series.",
    )
    normalize_port: Port = Field(
        NORMALIZE_PORT,
        validation_alias="AA_NORMALIZE_PORT",
        description="Port that normalize binds for health and series.",
    )
    normalize_batch: int = Field(
        200, ge=1, le=2000, validation_alias="AA_NORMALIZE_BATCH", description="Most messages in one transaction."
    )
    normalize_max_deliver: int = Field(
        5,
        ge=3,
        le=100,
        validation_alias="AA_NORMALIZE_MAX_DELIVER",
        description="Deliveries after which a failing message is dead-lettered.",
    )
    fuse_consecutive: int = Field(
        50,
        ge=1,
        validation_alias="AA_FUSE_CONSECUTIVE",
        description="Failed readings that trip the circuit breaker; four fifths at most of one sender among several.",
    )
    fuse_window: int = Field(
        1000,
        ge=1,
        validation_alias="AA_FUSE_WINDOW",
        description="Latest readings of each sender over which its share of failed ones is computed.",
    )
    fuse_share: float = Field(
        0.5,
        gt=0,
        le=1,
        validation_alias="AA_FUSE_SHARE",
        description="Share of failed readings of a sender, and of failing senders, above which it trips; 1: never.",
    )
    fuse_probe_after_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        validation_alias="AA_FUSE_PROBE_AFTER_S",
        description="Seconds until a tripped circuit breaker tries again; they double up to ten times as long.",
    )
    hrv_artefact_filter: ArtefactFilter = Field(
        "off",
        validation_alias="AA_HRV_ARTEFACT_FILTER",
        description="off: rMSSD and SDNN from all intervals as sent; malik: without artefacts. Both count artefacts.",
    )
