"""The settings of every command: what they mean, their defaults and their limits.

Defaults suit a developer's machine. `.env.example` and `docs/reference/configuration.md` are made from this file, and a
guard compares.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from athlete_ally.config.vendor_variables import variables as vendor_variables
from athlete_ally.core.broker.environment import Environment
from athlete_ally.core.broker.topology import CONSOLE_PORT, FETCH_PORT, INGEST_PORT, NORMALIZE_PORT
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.readings.beats import ArtefactFilter
from athlete_ally.vendors import VENDORS

_MIB = 1024 * 1024
DEFAULT_ENV_FILE = Path(".env")

Port = Annotated[int, Field(ge=0, le=65535)]


def _default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir("athlete-ally", appauthor=False))


def _default_journal() -> Path:
    return Path(platformdirs.user_state_dir("athlete-ally", appauthor=False)) / "streams-journal.jsonl"


def _known_scheme(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with one of {', '.join(f'{scheme}://' for scheme in schemes)}")
        return url

    return AfterValidator(check)


# Part of a route, a subject, a durable and an environment variable.
_SENDER = re.compile(r"[a-z][a-z0-9_]{0,31}")
# Words that mean something else where a vendor's name stands.
_RESERVED = ("redrive", "unknown")


def _sender_names(text: str) -> str:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not _SENDER.fullmatch(name):
            raise ValueError("a sender's name has up to 32 lower-case letters, digits and underscores")
        if name in {*VENDORS, *_RESERVED}:
            raise ValueError(f"{name} is taken: choose another name")
    if len(names) != len(set(names)):
        raise ValueError("a name is there twice")
    return ",".join(names)


class Settings(BaseSettings):
    """All settings; immutable once built. Secrets are never printed."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

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
        description="The NATS server; for `up` and `demo`, setting it means: use that one and start none.",
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
        description="Certificates (PEM) that the NATS server is checked against; asks for TLS.",
    )
    nats_certificate: Path | None = Field(
        None, validation_alias="AA_NATS_CERTIFICATE", description="Our certificate (PEM) for the NATS server."
    )
    nats_key: Path | None = Field(
        None, validation_alias="AA_NATS_KEY", description="The key (PEM) of AA_NATS_CERTIFICATE."
    )
    nats_inbox_prefix: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]+$",
        validation_alias="AA_NATS_INBOX_PREFIX",
        description="Where answers arrive; unset: _INBOX_ and the service's name, which no other service may read.",
    )
    nats_monitor_url: str | None = Field(
        None,
        validation_alias="AA_NATS_MONITOR_URL",
        description="Monitoring address of the NATS server (http://...:8222): lets `doctor` see how it syncs to disk.",
    )
    database_url: Annotated[SecretStr, _known_scheme("postgresql", "postgres")] = Field(
        SecretStr("postgresql://postgres@127.0.0.1:5432/athlete_ally"),
        validation_alias="DATABASE_URL",
        description="The PostgreSQL database; for `up` and `demo`, setting it means: use that one and start none.",
    )
    database_pool_size: int = Field(
        4, ge=1, le=100, validation_alias="AA_DATABASE_POOL_SIZE", description="Connections that a worker may hold."
    )
    ingest_host: str = Field(
        "0.0.0.0",  # noqa: S104  # vendors and phones must reach it: the first ticket of the system that this one replaces
        validation_alias="AA_INGEST_HOST",
        description="Address that ingest binds.",
    )
    ingest_port: Port = Field(INGEST_PORT, validation_alias="AA_INGEST_PORT", description="Port that ingest binds.")
    ingest_keys_file: Path | None = Field(
        None,
        validation_alias="AA_INGEST_KEYS_FILE",
        description="API keys of clients (made by `athlete-ally keys`). Without it anybody may send: only in dev.",
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
        description="Requests in hand at once; more are told to wait (429).",
    )
    ingest_max_in_flight_bytes: int = Field(
        64 * _MIB,
        ge=1024,
        validation_alias="AA_INGEST_MAX_IN_FLIGHT_BYTES",
        description="Bytes of bodies in hand at once; more are told to wait (429).",
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
        description="Longest wait for the stream's acknowledgement, a lost connection included.",
    )
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
        description="Where browsers reach fetch; with /connect/VENDOR/callback it is the redirect URL for vendors.",
    )
    token_key: SecretStr | None = Field(
        None,
        validation_alias="AA_TOKEN_KEY",
        description="Encrypts vendors' tokens (`athlete-ally keys token`); with commas: the first encrypts.",
    )
    token_key_file: Path | None = Field(
        None, validation_alias="AA_TOKEN_KEY_FILE", description="A file with what AA_TOKEN_KEY would hold."
    )
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
    shutdown_timeout_s: float = Field(
        20.0,
        gt=0,
        le=600,
        validation_alias="AA_SHUTDOWN_TIMEOUT_S",
        description="Longest time to finish what is in hand.",
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        validation_alias="AA_DATA_DIR",
        description="Where `up` keeps its servers' data; by default the platform's user data directory.",
    )
    streams_journal: Path = Field(
        default_factory=_default_journal,
        validation_alias="AA_STREAMS_JOURNAL",
        description="Where `streams apply` notes what it changes; by default a file in the user's state directory.",
    )
    local_nats_port: Port = Field(
        0, validation_alias="AA_LOCAL_NATS_PORT", description="Port of the nats-server of `up`; 0 takes a free one."
    )
    local_postgres_port: Port = Field(
        0, validation_alias="AA_LOCAL_POSTGRES_PORT", description="Port of the PostgreSQL of `up`; 0 takes a free one."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="AA_LOG_LEVEL", description="Least severe event that is logged."
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto", validation_alias="AA_LOG_FORMAT", description="auto: pretty on a terminal, JSON elsewhere."
    )

    @property
    def senders(self) -> tuple[str, ...]:
        """Return the names of the senders of Standard Webhooks."""
        return tuple(name for name in self.webhook_senders.split(",") if name)

    @classmethod
    def variables(cls) -> dict[str, Any]:
        """Return each setting's field by the name of its environment variable."""
        return {str(field.validation_alias): field for field in cls.model_fields.values()}

    def is_set(self, name: str) -> bool:
        """Tell whether a setting was given (flag, environment or `.env`), or is the default."""
        return name in self.model_fields_set


def load_settings(env_file: Path | None = None, **flags: Any) -> Settings:
    """Build the settings; flags (by field name, None when not given) win over environment, which wins over `env_file`.

    `env_file` is `.env` in the working directory unless given.

    Raises:
        Misconfigured: a value is not as it must be; the text has one line for each, naming the variable.
    """
    # By the variable's name: a model that can be filled by field name also reads $LOG_LEVEL and $ENVIRONMENT.
    given = {
        str(Settings.model_fields[name].validation_alias): value for name, value in flags.items() if value is not None
    }
    if env_file is not None and not env_file.is_file():
        raise Misconfigured(f"{env_file}: there is no such file of settings")
    try:
        settings = Settings(_env_file=env_file or DEFAULT_ENV_FILE, **given)  # pyright: ignore[reportCallIssue]  # see pydantic-settings
    except ValidationError as error:
        lines = [_explain(detail["loc"], detail["msg"]) for detail in error.errors(include_input=False)]
        raise Misconfigured("\n".join(lines)) from None
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{env_file or DEFAULT_ENV_FILE}: not UTF-8; save the file in that encoding") from error
    if settings.environment != "dev" and settings.ingest_keys_file is None:
        raise Misconfigured(
            f"AA_INGEST_KEYS_FILE: required when AA_ENVIRONMENT is {settings.environment}: "
            "without keys anybody may send; make one with `athlete-ally keys create NAME --file PATH`"
        )
    return settings


def _explain(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else "settings"
    alias = Settings.model_fields[name].validation_alias if name in Settings.model_fields else name
    return f"{alias}: {message}"


def unknown_variables(env_file: Path | None = None, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a warning for each `AA_*` variable that no setting reads, with the nearest name that one does."""
    values = {**dotenv_values(env_file or DEFAULT_ENV_FILE), **environment}
    senders = (values.get("AA_WEBHOOK_SENDERS") or "").split(",")
    known = {*Settings.variables(), *vendor_variables([*VENDORS, *(name.strip() for name in senders)])}
    warnings: list[str] = []
    for name in sorted(values):
        if name.startswith("AA_") and name not in known | _NOT_SETTINGS:
            nearest = get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            warnings.append(f"{name} is set, but no setting has this name{hint}")
    return warnings


# Read by the test suite only.
_NOT_SETTINGS = {"AA_REQUIRE_TOOLS"}
