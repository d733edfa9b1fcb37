"""The address, keys and limits of ingest."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import INGEST_PORT
from athlete_ally.vendors import VENDORS

_MIB = 1024 * 1024

# It becomes part of a route, a subject, a durable and an environment variable.
_SENDER = re.compile(r"[a-z][a-z0-9_]{0,31}")
# Words with another meaning in the place of a vendor's name.
_RESERVED = ("redrive", "unknown")


def _sender_names(text: str) -> str:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not _SENDER.fullmatch(name):
            raise ValueError("a sender's name has up to 32 lower-case letters, digits and underscores")
        if name in {*VENDORS, *_RESERVED}:
            raise ValueError(f"{name} is reserved: choose another name")
    if len(names) != len(set(names)):
        raise ValueError("a name appears twice")
    return ",".join(names)


class IngestSettings(BaseSettings):
    """The address, keys and limits of ingest."""

    ingest_host: str = Field(
        "0.0.0.0",  # noqa: S104  # vendors and phones must be able to reach it
        validation_alias="AA_INGEST_HOST",
        description="Address that ingest binds.",
    )
    ingest_port: Port = Field(INGEST_PORT, validation_alias="AA_INGEST_PORT", description="Port that ingest binds.")
    ingest_keys_file: Path | None = Field(
        None,
        validation_alias="AA_INGEST_KEYS_FILE",
        description="API keys of clients (made by `athlete-ally keys`). Without it anyone may send: only in dev.",
    )
    ingest_max_body_bytes: int = Field(
        16 * _MIB,
        ge=1024,
        validation_alias="AA_INGEST_MAX_BODY_BYTES",
        description="Largest body of a request, as sent and also after decompression.",
    )
    ingest_max_readings: int = Field(
        10_000, ge=1, validation_alias="AA_INGEST_MAX_READINGS", description="Most readings in one request."
    )
    ingest_max_in_flight: int = Field(
        256,
        ge=1,
        validation_alias="AA_INGEST_MAX_IN_FLIGHT",
        description="Most requests in progress, for readings and for each vendor apart; more are answered 429.",
    )
    ingest_max_in_flight_bytes: int = Field(
        64 * _MIB,
        ge=1024,
        validation_alias="AA_INGEST_MAX_IN_FLIGHT_BYTES",
        description="Most bytes of readings in progress; more are answered 429.",
    )
    ingest_max_webhook_bytes_in_flight: int = Field(
        16 * _MIB,
        ge=1024,
        validation_alias="AA_INGEST_MAX_WEBHOOK_BYTES_IN_FLIGHT",
        description="Most bytes of webhooks in progress, for each vendor apart; more are answered 429.",
    )
    webhook_senders: Annotated[str, AfterValidator(_sender_names)] = Field(
        "",
        validation_alias="AA_WEBHOOK_SENDERS",
        description="Names of senders of Standard Webhooks, separated by commas; each has its own route and secrets.",
    )
    publish_timeout_s: float = Field(
        5.0,
        gt=0,
        le=60,
        validation_alias="AA_PUBLISH_TIMEOUT_S",
        description="Longest wait for the stream's acknowledgement, including reconnection.",
    )
