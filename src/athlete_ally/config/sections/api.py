"""The address, database and limits of the API."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import API_PORT


class ApiSettings(BaseSettings):
    """The address, database and limits of the API."""

    api_host: str = Field(
        "0.0.0.0",  # noqa: S104  # apps and analysts must be able to reach it
        validation_alias="AA_API_HOST",
        description="Address that the API binds.",
    )
    api_port: Port = Field(API_PORT, validation_alias="AA_API_PORT", description="Port that the API binds.")
    read_database_url: SecretStr | None = Field(
        None,
        validation_alias="AA_READ_DATABASE_URL",
        description="PostgreSQL that the API reads from, as a role that may only read; a standby, if there is one. "
        "DATABASE_URL if it is not set.",
    )
    api_pool_size: int = Field(
        8,
        ge=2,
        le=100,
        validation_alias="AA_API_POOL_SIZE",
        description="Connections to PostgreSQL for pages and changes, and so the queries that run at once.",
    )
    api_max_streams: int = Field(
        4,
        ge=1,
        le=100,
        validation_alias="AA_API_MAX_STREAMS",
        description="Streams of NDJSON and CSV at once; each has a connection to PostgreSQL of its own.",
    )
    api_statement_timeout_s: float = Field(
        10.0,
        gt=0,
        le=600,
        validation_alias="AA_API_STATEMENT_TIMEOUT_S",
        description="Seconds after which the database ends a query of a page.",
    )
    api_stream_timeout_s: float = Field(
        900.0,
        gt=0,
        le=86400,
        validation_alias="AA_API_STREAM_TIMEOUT_S",
        description="Seconds after which a stream of rows is broken off.",
    )
    api_max_in_flight: int = Field(
        64,
        ge=2,
        le=10000,
        validation_alias="AA_API_MAX_IN_FLIGHT",
        description="Requests in progress at once, of which one key has half at most.",
    )
    api_requests_per_minute: int = Field(
        6000,
        ge=1,
        le=1_000_000,
        validation_alias="AA_API_REQUESTS_PER_MINUTE",
        description="Requests of one key in a minute, where the key itself has no limit.",
    )
