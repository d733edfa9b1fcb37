"""Every error of ours, named for what to do about it."""

from dataclasses import dataclass


class AthleteAllyError(Exception):
    """The root of all errors raised on purpose."""


class Unavailable(AthleteAllyError):
    """An outage (broker, database, network): wait and try again; dead-letter nothing."""


class Later(AthleteAllyError):
    """A vendor can't answer now, or asks us to wait: not before `delay_s` seconds from now."""

    def __init__(self, text: str, delay_s: float) -> None:
        """Keep the delay."""
        super().__init__(text)
        self.delay_s = delay_s


class OverLimit(Later):
    """A vendor's limit is reached: it is well, and takes no more requests of ours until then."""


class StreamFull(Unavailable):
    """The stream refuses new messages because it reached `max_bytes`: 503 now, retry later."""


class ServerLimit(StreamFull):
    """The server's `max_payload` is below what our streams take: 503, and the operator raises it; nobody else can."""


class JournalUnavailable(Unavailable):
    """The message journal can't be written: 503 now, retry later; the text says why."""


class Misconfigured(AthleteAllyError):
    """A setting, stream, durable or schema is not as it must be: stop, and tell the operator how to fix it."""


class PermissionDenied(Misconfigured):
    """The broker does not let this user publish or subscribe there: grant it, or connect as another user."""


class Refused(AthleteAllyError):
    """Unsafe to do now, or not allowed: nothing was changed, and the text says what would make it safe."""


class Withdrawn(AthleteAllyError):
    """A vendor does not honour a person's permission, or no longer: only that person can give it again."""


class WrongTarget(AthleteAllyError):
    """The server is not the one that the environment expects: nothing was changed."""


class StalePlan(AthleteAllyError):
    """The server is no longer as it was when the plan was made: make a new one."""


class NotVerified(AthleteAllyError):
    """A change was made, and what the server says afterwards is not what was meant: look at it now."""


class InvalidMessage(AthleteAllyError):
    """The body can't be read as readings of its kind: dead-letter as `schema-invalid`."""


class UnreadableFile(AthleteAllyError):
    """A file is not what it was taken for, is damaged, or is hostile: tell its owner; nothing more is read from it."""


class MessageTooLarge(AthleteAllyError):
    """A message can't be stored because it passes the stream's `max_msg_size`: 413."""


@dataclass(eq=False)
class InvalidReading(AthleteAllyError):
    """A well-formed reading whose value is impossible: dead-letter as `non-retryable`.

    `field` is the name as the sender wrote it (`rmssd`); `problem` names the limit, and never the value's owner.
    """

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"
