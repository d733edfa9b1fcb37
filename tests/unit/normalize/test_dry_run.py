"""Dry runs of code that has a bug: it is a result for one message, and not the end of the dry run."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from athlete_ally.core.broker.topology import VENDOR_HOT, unpack_durable
from athlete_ally.core.dry_run import DryRunResult
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.vendor.webhook import Unpacked, Webhook
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.normalize.dry_run import UnpackDryRun, normaliser
from athlete_ally.vendors.garmin import GARMIN

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KINDS = {each.kind: each for each in MEASUREMENTS}
NIGHT = b"""{"hrv": [{"userId": "g-1", "calendarDate": "2026-11-24", "lastNightAvg": 44, "startTimeOffsetInSeconds": 0,
"durationInSeconds": 25200, "startTimeInSeconds": 1795474800}]}"""
RULES = Rules()


def delivery(body: bytes) -> Delivery:
    """Return a delivery of a webhook."""
    return Delivery(VENDOR_HOT, 1, "vendor.garmin.webhook.received", unpack_durable("garmin"), body, {}, 1, NOON, None)


def errors(found: list[DryRunResult]) -> list[list[str]]:
    """Return reason and error of what each would fail for."""
    return [[f"{it.reason}: {it.error}" for it in each.rejected] for each in found]


def crashing_on(body: bytes, sound: Callable[[Webhook], Unpacked]) -> Callable[[Webhook], Unpacked]:
    """Return code that has a bug for one body."""

    def unpack(webhook: Webhook) -> Unpacked:
        if webhook.body == body:
            raise ZeroDivisionError
        return sound(webhook)

    return unpack


async def test_a_bug_in_unpacking_concerns_one_webhook() -> None:
    """
    One webhook that the code crashes on would end as `max-deliver`; the one beside it is told as ever.
    """
    vendor = replace(GARMIN, unpack=crashing_on(b"{}", GARMIN.unpack))
    found = await UnpackDryRun(vendor, KINDS, RULES, webhook_store=None)([delivery(b"{}"), delivery(NIGHT)])

    assert errors(found) == [["max-deliver: ZeroDivisionError"], []]
    assert "without the database" in found[1].unknown


async def test_a_bug_in_normalising_is_told_of_the_letter_that_it_would_make() -> None:
    """
    A crash in a kind's code fails its readings, by themselves and out of a webhook.
    """

    def crash(*_: Any) -> Any:
        raise ZeroDivisionError

    broken = replace(KINDS["hrv"], normalise=crash)
    reading = b'{"readings": [{"userId": "a", "date": "2026-11-20", "rmssd": 9, "capturedAt": "2026-11-20T06:41:00Z"}]}'
    alone = await normaliser(broken, RULES)([delivery(reading)])
    out_of_a_webhook = await UnpackDryRun(GARMIN, {**KINDS, "hrv": broken}, RULES, webhook_store=None)(
        [delivery(NIGHT)]
    )

    assert errors(list(alone)) == [["max-deliver: ZeroDivisionError"]]
    assert errors(out_of_a_webhook) == [["max-deliver: hrv: ZeroDivisionError (in a letter of its own)"]]
