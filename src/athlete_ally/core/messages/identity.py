"""Identity by content: the same content gets the same id, in every process and on every day."""

import hashlib

# 128 bits: the chance of a collision among a trillion messages is below 1e-14 (birthday bound).
_ID_HEX_DIGITS = 32


def message_id(subject: str, body: bytes) -> str:
    """Return the id of a message with this canonical body on this subject: 32 lower-case hex digits.

    Used as `Nats-Msg-Id`, so that a client's retry is recognised by the stream as a duplicate.
    """
    digest = hashlib.sha256(subject.encode() + b"\n" + body)
    return digest.hexdigest()[:_ID_HEX_DIGITS]


def derived_id(purpose: str, *parts: str | int) -> str:
    """Return the id of a message that follows from another one, the same whenever it is derived again."""
    return f"{purpose}-{'-'.join(str(part) for part in parts)}"


def fingerprint(*parts: str) -> str:
    """Return 12 hex digits that are equal for failures of the same sort, whatever the values were."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]
