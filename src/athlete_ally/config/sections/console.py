"""Who reaches the console, and which services it asks."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import CONSOLE_PORT, INGEST_PORT, NORMALIZE_PORT


class ConsoleSettings(BaseSettings):
    """Who reaches the console, and which services it asks."""

    console_host: str = Field(
        "127.0.0.1",
        validation_alias="AA_CONSOLE_HOST",
        description="Address that the console binds; beyond this machine only with tokens or behind a proxy.",
    )
    console_port: Port = Field(CONSOLE_PORT, validation_alias="AA_CONSOLE_PORT", description="Port of the console.")
    console_names: str = Field(
        "",
        validation_alias="AA_CONSOLE_NAMES",
        description="Host names by which the console is reached, with commas between; this machine's are known.",
    )
    console_operators_file: Path | None = Field(
        None,
        validation_alias="AA_CONSOLE_OPERATORS_FILE",
        description="Tokens (made by `athlete-ally keys`) of those who may change things and see personal data.",
    )
    console_viewers_file: Path | None = Field(
        None, validation_alias="AA_CONSOLE_VIEWERS_FILE", description="Tokens of those who may only look."
    )
    console_proxy_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]+$",
        validation_alias="AA_CONSOLE_PROXY_HEADER",
        description="Header in which an authenticating proxy says who somebody is, instead of tokens.",
    )
    console_proxy_addresses: str = Field(
        "127.0.0.1,::1",
        validation_alias="AA_CONSOLE_PROXY_ADDRESSES",
        description="Addresses of that proxy; from any other the header is not believed.",
    )
    console_proxy_operators: str = Field(
        "", validation_alias="AA_CONSOLE_PROXY_OPERATORS", description="Names that are operators; others are viewers."
    )
    console_ingest_key_file: Path | None = Field(
        None,
        validation_alias="AA_CONSOLE_INGEST_KEY_FILE",
        description="File with the API key with which the console sends a reading to try, where ingest asks for one.",
    )
    ingest_url: str = Field(
        f"http://127.0.0.1:{INGEST_PORT}",
        pattern=r"^https?://",
        validation_alias="AA_INGEST_URL",
        description="Where the console reaches ingest.",
    )
    normalize_url: str = Field(
        f"http://127.0.0.1:{NORMALIZE_PORT}",
        pattern=r"^https?://",
        validation_alias="AA_NORMALIZE_URL",
        description="Where the console reads the series of normalize.",
    )
