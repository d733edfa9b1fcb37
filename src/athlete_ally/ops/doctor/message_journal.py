"""The check of the message journal on this machine. Pure."""

from athlete_ally.core.messages.journal_entry import JournalFolder, JournalMode
from athlete_ally.ops.doctor.finding import Check

_NAME = "message journal"
_FREE_TO_WARN_BYTES = 2**30


def check_message_journal(mode: JournalMode, environment: str, folder: JournalFolder | None) -> Check:
    """Check whether a 2xx needs the journal, and whether it has room; `folder` is None where there is none here."""
    if mode == "off":
        if environment == "dev":
            return Check(_NAME, "ok", "off; in dev that is usual")
        remedy = "set AA_MESSAGE_JOURNAL=required, and AA_MESSAGE_JOURNAL_DIR to a disk other than that of NATS"
        return Check(_NAME, "warning", "off: what the broker loses can't be replayed", remedy)
    if folder is None:
        # What ingest and fetch say of theirs is in their readiness, which is asked too.
        return Check(_NAME, "ok", "there is none on this machine; the readiness of ingest and fetch includes theirs")
    since = f" since {folder.oldest_at:%Y-%m-%d %H:%M} UTC" if folder.oldest_at else ""
    free = f"{folder.free_bytes / 2**30:.1f} GiB free"
    detail = f"{mode}; {folder.bytes / 2**20:,.1f} MiB{since} in {folder.path}, {free}"
    if not folder.is_writable:
        return Check(_NAME, "failure", f"{folder.path} can't be written", "give its owner the right to write there")
    if folder.free_bytes < _FREE_TO_WARN_BYTES:
        return Check(_NAME, "warning", detail, "make room on its disk: when it is full, ingest answers 503")
    return Check(_NAME, "ok", detail)
