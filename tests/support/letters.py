"""AA_DLQ on a real server, letters as the workers write them, and the command line on it."""

import asyncio
import json
from typing import Any

from click.testing import CliRunner

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.cli.app import cli
from athlete_ally.cli.exits import Exit
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    VENDOR_HOT,
    dead_letter_subject,
    normalize_durable,
    webhook_letter_subject,
)
from athlete_ally.core.errors import AthleteAllyError, Refused
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.verdict import Reason
from support.commands import Outcome


class Bench:
    """AA_DLQ, and the command line on it, in this process."""

    def __init__(self, connection: Connection, pool: Any, environment: dict[str, str]) -> None:
        """Use these servers."""
        self.connection, self.pool, self.environment = connection, pool, environment
        self.letters = NatsLetters(connection)
        self._written = 0

    async def write(
        self, *readings: Any, body: bytes | None = None, reason: str = "non-retryable", kind: str = "hrv", **more: str
    ) -> None:
        """Write a letter as a worker does."""
        self._written += 1
        stated = {
            headers.DLQ_REASON: reason,
            headers.DLQ_ERROR: "rmssd: not in (0, 300] ms",
            headers.DLQ_FINGERPRINT: "0123456789ab",
            headers.DLQ_AT: "2026-11-24T10:00:00.000+00:00",
            headers.DLQ_WORKER_VERSION: "0.1.0",
            headers.ORIGINAL_STREAM: CORE_HOT,
            headers.ORIGINAL_SEQUENCE: str(self._written),
            headers.ORIGINAL_CONSUMER: normalize_durable(kind),
            headers.READINGS: str(max(1, len(readings))),
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        body = json.dumps({"readings": readings}).encode() if body is None else body
        message = OutgoingMessage(DLQ, dead_letter_subject(kind, reason), body, f"dlq-m-{self._written}", stated)
        await NatsPublisher(self.connection, timeout_s=5).publish(message)

    async def write_webhook(self, durable: str, vendor: str, body: bytes, reason: Reason, **more: str) -> None:
        """Write the letter of a webhook, or of a document, as a worker does."""
        self._written += 1
        stated = {
            headers.DLQ_REASON: reason,
            headers.DLQ_AT: "2026-11-24T10:00:00.000+00:00",
            headers.ORIGINAL_STREAM: VENDOR_HOT,
            headers.ORIGINAL_SEQUENCE: str(self._written),
            headers.ORIGINAL_CONSUMER: durable,
            headers.READINGS: "1",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        subject = webhook_letter_subject(vendor, reason)
        message = OutgoingMessage(DLQ, subject, body, f"dlq-w-{self._written}", stated)
        await NatsPublisher(self.connection, timeout_s=5).publish(message)

    async def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run a command to its end, in a thread, since it has an event loop of its own."""
        environment = {**self.environment, **environment}
        runner = CliRunner(env=environment)
        result = await asyncio.to_thread(runner.invoke, cli, ["dlq", *arguments])
        if isinstance(result.exception, Refused):
            return Outcome(Exit.REFUSED, result.stdout, str(result.exception))
        if isinstance(result.exception, AthleteAllyError):
            return Outcome(Exit.ERROR, result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    async def listed(self, *arguments: str) -> list[int]:
        """Return the sequences that `list` prints."""
        return [each["seq"] for each in (await self.run("list", *arguments, "--json")).document["letters"]]

    async def journal(self) -> list[tuple[str, str]]:
        """Return act and step of every line of the journal."""
        lines = (await self.run("journal", "--json")).document["entries"]
        return [(line["act"], line["step"]) for line in lines]
