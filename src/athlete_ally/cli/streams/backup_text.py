"""How a backup is printed."""

from typing import Any

from rich.filesize import decimal

from athlete_ally.wiring.commands.streams_backup import Kept


def backup_line(made: Kept) -> str:
    """Return what was backed up, where, and whether a checksum covers it."""
    manifest = made.manifest
    doubt = "" if manifest.fingerprint else "; messages were deleted while it was read, so it has no checksum over them"
    return f"{made.folder}: {backup_summary(made)}{doubt}"


def backup_summary(kept: Kept) -> str:
    """Return the stream, how many messages and durables, and the size."""
    manifest = kept.manifest
    durables = "1 durable" if len(manifest.durables) == 1 else f"{len(manifest.durables)} durables"
    return f"{manifest.stream} with {manifest.messages:,} messages and {durables} in {decimal(manifest.bytes)}"


def backup_document(kept: Kept) -> dict[str, Any]:
    """Return a backup for programs."""
    manifest = kept.manifest
    return {
        "stream": manifest.stream,
        "folder": str(kept.folder),
        "messages": manifest.messages,
        "first_sequence": manifest.state["first_seq"],
        "last_sequence": manifest.state["last_seq"],
        "bytes": manifest.bytes,
        "durables": {each.name: each.ack_floor_after for each in manifest.durables},
        "fingerprint": manifest.fingerprint,
        "created_at": manifest.created_at.isoformat(),
        "verified_at": manifest.verified_at and manifest.verified_at.isoformat(),
    }
