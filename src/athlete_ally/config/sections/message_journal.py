"""The message journal of ingest and fetch: whether, where and how long it is kept."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from athlete_ally.core.messages.journal_entry import JournalMode

_GIB = 1024**3


class MessageJournalSettings(BaseSettings):
    """The message journal of ingest and fetch: whether, where and how long it is kept."""

    message_journal: JournalMode | None = Field(
        None,
        validation_alias="AA_MESSAGE_JOURNAL",
        description="Whether 2xx needs the journal, too: required, best-effort or off; by default off in dev only.",
    )
    message_journal_dir: Path | None = Field(
        None,
        validation_alias="AA_MESSAGE_JOURNAL_DIR",
        description="The journal's folder, best on a disk other than NATS's; by default one in AA_DATA_DIR.",
    )
    message_journal_max_age_h: float = Field(
        48.0,
        gt=0,
        le=24 * 366,
        validation_alias="AA_MESSAGE_JOURNAL_MAX_AGE_H",
        description="How many hours the journal is kept.",
    )
    message_journal_max_bytes: int = Field(
        16 * _GIB,
        ge=1024,
        validation_alias="AA_MESSAGE_JOURNAL_MAX_BYTES",
        description="Most bytes of the journal of one process; beyond that the oldest are deleted.",
    )
    message_journal_key: SecretStr | None = Field(
        None,
        validation_alias="AA_MESSAGE_JOURNAL_KEY",
        description="Encrypts the journal (`athlete-ally keys token`); with commas: the first encrypts.",
    )
    message_journal_key_file: Path | None = Field(
        None,
        validation_alias="AA_MESSAGE_JOURNAL_KEY_FILE",
        description="A file with what AA_MESSAGE_JOURNAL_KEY would hold.",
    )
