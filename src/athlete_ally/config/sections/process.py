"""Shutdown, logs and local files of every process."""

import os
import stat
import sys
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings

from athlete_ally.config.sections.port import Port


def default_data_dir() -> Path:
    """Return where the data of `up` lies: in the user's data directory, or the site's for root.

    PostgreSQL does not run as root: it runs as a user who usually may not enter the home directory of root.
    """
    user_dir = Path(platformdirs.user_data_dir("athlete-ally", appauthor=False))
    if sys.platform == "win32" or os.geteuid() or _is_open(user_dir):
        return user_dir
    return Path(platformdirs.site_data_dir("athlete-ally", appauthor=False))


def _is_open(path: Path) -> bool:
    """Tell whether others may pass through all folders on the way that exist."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.is_dir())


def _default_journal() -> Path:
    return Path(platformdirs.user_state_dir("athlete-ally", appauthor=False)) / "streams-journal.jsonl"


class ProcessSettings(BaseSettings):
    """Shutdown, logs and local files of every process."""

    shutdown_timeout_s: float = Field(
        20.0,
        gt=0,
        le=600,
        validation_alias="AA_SHUTDOWN_TIMEOUT_S",
        description="Longest time to finish work in progress at shutdown.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        validation_alias="AA_DATA_DIR",
        description="The data directory of `up`; default: the user's data directory, root's is the site's.",
    )
    streams_journal: Path = Field(
        default_factory=_default_journal,
        validation_alias="AA_STREAMS_JOURNAL",
        description="Where `streams apply` records its changes; by default a file in the user's state directory.",
    )
    local_nats_port: Port = Field(
        0, validation_alias="AA_LOCAL_NATS_PORT", description="Port of the nats-server of `up`; 0 picks a free one."
    )
    local_postgres_port: Port = Field(
        0, validation_alias="AA_LOCAL_POSTGRES_PORT", description="Port of the PostgreSQL of `up`; 0 picks a free one."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="AA_LOG_LEVEL", description="Lowest level that is logged."
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto", validation_alias="AA_LOG_FORMAT", description="auto: pretty on a terminal, JSON elsewhere."
    )
