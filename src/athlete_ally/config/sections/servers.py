"""The environment, its NATS server and its database."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from athlete_ally.core.broker.environment import Environment


def _known_scheme(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with one of {', '.join(f'{scheme}://' for scheme in schemes)}")
        return url

    return AfterValidator(check)


class ServerSettings(BaseSettings):
    """The environment, its NATS server and its database."""

    environment: Environment = Field(
        "dev", validation_alias="AA_ENVIRONMENT", description="Which limits and safety rules apply."
    )
    environment_file: Path | None = Field(
        None,
        validation_alias="AA_ENVIRONMENT_FILE",
        description="The file with the limits of streams and durables (see deploy/environments); dev needs none.",
    )
    nats_url: Annotated[SecretStr, _known_scheme("nats", "tls", "ws", "wss")] = Field(
        SecretStr("nats://127.0.0.1:4222"),
        validation_alias="NATS_URL",
        description="The NATS server; if it is set, `up` and `demo` use it and start none.",
    )
    nats_context: str | None = Field(
        None,
        validation_alias="AA_NATS_CONTEXT",
        description="A context of natscli, by name or path (.json), instead of NATS_URL and the AA_NATS_ files.",
    )
    nats_credentials: Path | None = Field(
        None, validation_alias="AA_NATS_CREDENTIALS", description="A NATS .creds file."
    )
    nats_nkey: Path | None = Field(
        None, validation_alias="AA_NATS_NKEY", description="A file with the nkey seed of a NATS user."
    )
    nats_ca: Path | None = Field(
        None,
        validation_alias="AA_NATS_CA",
        description="CA certificates (PEM) to verify the NATS server; requires TLS.",
    )
    nats_certificate: Path | None = Field(
        None, validation_alias="AA_NATS_CERTIFICATE", description="Client certificate (PEM) for the NATS server."
    )
    nats_key: Path | None = Field(
        None, validation_alias="AA_NATS_KEY", description="The key (PEM) of AA_NATS_CERTIFICATE."
    )
    nats_inbox_prefix: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]+$",
        validation_alias="AA_NATS_INBOX_PREFIX",
        description="Prefix of reply subjects; unset: _INBOX_ and the service's name, which no other service may read.",
    )
    nats_monitor_url: str | None = Field(
        None,
        validation_alias="AA_NATS_MONITOR_URL",
        description="Monitoring URLs (http://...:8222) of all NATS servers, separated by commas: settings of theirs.",
    )
    database_url: Annotated[SecretStr, _known_scheme("postgresql", "postgres")] = Field(
        SecretStr("postgresql://postgres@127.0.0.1:5432/athlete_ally"),
        validation_alias="DATABASE_URL",
        description="The PostgreSQL database; if it is set, `up` and `demo` use it and start none.",
    )
    database_pool_size: int = Field(
        4, ge=1, le=100, validation_alias="AA_DATABASE_POOL_SIZE", description="Most database connections of a worker."
    )
