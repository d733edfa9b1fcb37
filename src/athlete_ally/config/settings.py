"""The settings of every command: what they mean, their defaults and their limits.

Defaults suit a developer's machine. A setting is one entry in one of the sections; `.env.example` and
`docs/reference/configuration.md` are made from them, and a guard compares.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from athlete_ally.config.sections.api import ApiSettings
from athlete_ally.config.sections.console import ConsoleSettings
from athlete_ally.config.sections.fetch import FetchSettings
from athlete_ally.config.sections.http import HttpSettings
from athlete_ally.config.sections.ingest import IngestSettings
from athlete_ally.config.sections.message_journal import MessageJournalSettings
from athlete_ally.config.sections.normalize import NormalizeSettings
from athlete_ally.config.sections.process import ProcessSettings
from athlete_ally.config.sections.servers import ServerSettings
from athlete_ally.config.vendor_variables import variables as vendor_variables
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.messages.journal_entry import JournalMode
from athlete_ally.vendors import VENDORS

DEFAULT_ENV_FILE = Path(".env")


# From last to first: pydantic collects the fields of the last base first, and the reference keeps their order.
class Settings(
    ProcessSettings,
    ConsoleSettings,
    ApiSettings,
    FetchSettings,
    NormalizeSettings,
    MessageJournalSettings,
    HttpSettings,
    IngestSettings,
    ServerSettings,
):
    """All settings; immutable. Secrets are never printed."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    @property
    def senders(self) -> tuple[str, ...]:
        """Return the names of the senders of Standard Webhooks."""
        return tuple(name for name in self.webhook_senders.split(",") if name)

    @property
    def nats_monitor_urls(self) -> tuple[str, ...]:
        """Return the monitoring addresses of the NATS servers."""
        return tuple(url.strip() for url in (self.nats_monitor_url or "").split(",") if url.strip())

    @property
    def journal_mode(self) -> JournalMode:
        """Return whether a message has to be in the message journal to be accepted."""
        return self.message_journal or ("off" if self.environment == "dev" else "required")

    @property
    def journal_folder(self) -> Path:
        """Return where the message journal is."""
        return self.message_journal_dir or self.data_dir / "journal"

    @classmethod
    def variables(cls) -> dict[str, Any]:
        """Return each setting's field by the name of its environment variable."""
        return {str(field.validation_alias): field for field in cls.model_fields.values()}

    def is_set(self, name: str) -> bool:
        """Tell whether a setting was given (option, environment or `.env`), not defaulted."""
        return name in self.model_fields_set


def load_settings(env_file: Path | None = None, **flags: Any) -> Settings:
    """Build the settings. Options (by field name, None if not given) override the environment, and it `env_file`.

    `env_file` is `.env` in the working directory unless given.

    Raises:
        Misconfigured: a value is invalid; the text has one line for each, naming the variable.
    """
    # By the variable's name: a model populated by field name would also read $LOG_LEVEL and $ENVIRONMENT.
    given = {
        str(Settings.model_fields[name].validation_alias): value for name, value in flags.items() if value is not None
    }
    if env_file is not None and not env_file.is_file():
        raise Misconfigured(f"{env_file}: the settings file does not exist")
    try:
        return Settings(_env_file=env_file or DEFAULT_ENV_FILE, **given)  # pyright: ignore[reportCallIssue]  # see pydantic-settings
    except ValidationError as error:
        lines = [_explain(detail["loc"], detail["msg"]) for detail in error.errors(include_input=False)]
        raise Misconfigured("\n".join(lines)) from None
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{env_file or DEFAULT_ENV_FILE}: not UTF-8; save the file in that encoding") from error


def require_keys(settings: Settings) -> None:
    """Return if ingest may start: only in dev may it take data from anyone.

    Raises:
        Misconfigured: outside dev there is no file of API keys.
    """
    if settings.environment != "dev" and settings.ingest_keys_file is None:
        raise Misconfigured(
            f"AA_INGEST_KEYS_FILE: ingest requires it when AA_ENVIRONMENT is {settings.environment}: "
            "without keys anyone may send data; make one with `athlete-ally keys create NAME --file PATH`"
        )


def _explain(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else "settings"
    alias = Settings.model_fields[name].validation_alias if name in Settings.model_fields else name
    return f"{alias}: {message}"


def unknown_variables(env_file: Path | None = None, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a warning for each `AA_*` variable that no setting reads, with the nearest known name."""
    values = {**dotenv_values(env_file or DEFAULT_ENV_FILE), **environment}
    senders = (values.get("AA_WEBHOOK_SENDERS") or "").split(",")
    known = {*Settings.variables(), *vendor_variables([*VENDORS, *(name.strip() for name in senders)])}
    warnings: list[str] = []
    for name in sorted(values):
        if name.startswith("AA_") and name not in known | _NOT_SETTINGS:
            nearest = get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            warnings.append(f"{name} is set, but there is no such setting{hint}")
    return warnings


# Read by the test suite only.
_NOT_SETTINGS = {"AA_REQUIRE_TOOLS"}
