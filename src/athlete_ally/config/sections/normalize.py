"""How normalize works, and when it stops itself."""

from pydantic import Field
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import NORMALIZE_PORT
from athlete_ally.core.readings.beats import ArtefactFilter


class NormalizeSettings(BaseSettings):
    """How normalize works, and when it stops itself."""

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
        description="Deliveries after which a message is given up.",
    )
    fuse_consecutive: int = Field(
        50,
        ge=1,
        validation_alias="AA_FUSE_CONSECUTIVE",
        description="Dead-lettered messages in a row that stop the worker.",
    )
    fuse_window: int = Field(
        1000,
        ge=1,
        validation_alias="AA_FUSE_WINDOW",
        description="Messages over which the share of dead letters is taken.",
    )
    fuse_share: float = Field(
        0.5,
        gt=0,
        le=1,
        validation_alias="AA_FUSE_SHARE",
        description="Share of dead-lettered messages that stops the worker.",
    )
    hrv_artefact_filter: ArtefactFilter = Field(
        "off",
        validation_alias="AA_HRV_ARTEFACT_FILTER",
        description="off: rMSSD and SDNN from all intervals as sent; malik: without artefacts. Both count them.",
    )
