"""The addresses of fetch, and the keys that encrypt vendors' tokens."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port
from athlete_ally.core.broker.topology import FETCH_PORT


class FetchSettings(BaseSettings):
    """The addresses of fetch, and the keys that encrypt vendors' tokens."""

    fetch_host: str = Field(
        "0.0.0.0",  # noqa: S104  # people's browsers come back here from their vendor, through a proxy
        validation_alias="AA_FETCH_HOST",
        description="Address that fetch binds for /connect, health and series.",
    )
    fetch_port: Port = Field(FETCH_PORT, validation_alias="AA_FETCH_PORT", description="Port that fetch binds.")
    connect_url: str = Field(
        f"http://127.0.0.1:{FETCH_PORT}",
        pattern=r"^https?://[^/]+(/.*[^/])?$",
        validation_alias="AA_CONNECT_URL",
        description="Public URL of fetch; with /connect/VENDOR/callback it is the redirect URL to register at vendors.",
    )
    fetch_url: str | None = Field(
        None,
        pattern=r"^https?://",
        validation_alias="AA_FETCH_URL",
        description="URL at which `doctor` asks fetch; unset: fetch does not run here.",
    )
    token_key: SecretStr | None = Field(
        None,
        validation_alias="AA_TOKEN_KEY",
        description="Keys for vendors' tokens (`athlete-ally keys token`), separated by commas; the first encrypts.",
    )
    token_key_file: Path | None = Field(
        None, validation_alias="AA_TOKEN_KEY_FILE", description="A file with the value of AA_TOKEN_KEY."
    )
