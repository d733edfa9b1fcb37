"""Access to the console, and the services that it asks."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import CONSOLE_PORT, INGEST_PORT, NORMALIZE_PORT


class ConsoleSettings(BaseSettings):
    """Access to the console, and the services that it asks."""

    console_host: str = Field(
        "127.0.0.1",
        validation_alias="AA_CONSOLE_HOST",
        description="Address that the console binds; other than loopback only with tokens or behind a proxy.",
    )
    console_port: Port = Field(CONSOLE_PORT, validation_alias="AA_CONSOLE_PORT", description="Port of the console.")
    console_names: str = Field(
        "",
        validation_alias="AA_CONSOLE_NAMES",
        description="Additional host names of the console, separated by commas; those of this machine are known.",
    )
    console_operators_file: Path | None = Field(
        None,
        validation_alias="AA_CONSOLE_OPERATORS_FILE",
        description="File of tokens (`athlete-ally keys`) of operators, who may change things and see personal data.",
    )
    console_viewers_file: Path | None = Field(
        None, validation_alias="AA_CONSOLE_VIEWERS_FILE", description="File of tokens of viewers, who may only read."
    )
    console_proxy_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]+$",
        validation_alias="AA_CONSOLE_PROXY_HEADER",
        description="Header in which an authenticating proxy passes the user's name, instead of tokens.",
    )
    console_proxy_addresses: str = Field(
        "127.0.0.1,::1",
        validation_alias="AA_CONSOLE_PROXY_ADDRESSES",
        description="Addresses of that proxy; the header is ignored from any other.",
    )
    console_proxy_operators: str = Field(
        "", validation_alias="AA_CONSOLE_PROXY_OPERATORS", description="Names of operators; all others are viewers."
    )
    console_ingest_key_file: Path | None = Field(
        None,
        validation_alias="AA_CONSOLE_INGEST_KEY_FILE",
        description="File with the API key that the console's page Try it sends to ingest.",
    )
    ingest_url: str = Field(
        f"http://127.0.0.1:{INGEST_PORT}",
        pattern=r"^https?://",
        validation_alias="AA_INGEST_URL",
        description="URL at which the console and `doctor` reach ingest.",
    )
    normalize_url: str = Field(
        f"http://127.0.0.1:{NORMALIZE_PORT}",
        pattern=r"^https?://",
        validation_alias="AA_NORMALIZE_URL",
        description="URL at which the console and `doctor` reach normalize.",
    )
