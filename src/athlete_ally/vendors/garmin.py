"""Garmin Health and Activity API: summaries in the payload (push), or an address to fetch them from (ping).

The specification is given to partners only. What is used of it was read in a public copy of "Garmin Connect Developer
Program, Health API" 1.2 (sections 4 to 7), and of the Activity API in public code that receives it:
https://github.com/the-momentum/open-wearables/blob/main/backend/app/schemas/providers/garmin/activity_import.py
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.catalogue import NO_KIND, Said, counted, taken
from athlete_ally.core.vendor.json_body import converted, decoded, lenient
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import SecretPath
from athlete_ally.core.vendor.webhook import Found, Resource, Unpacked, Unusable, Webhook, found_in, joined
from athlete_ally.formats.garmin import SUMMARIES

_OVERVIEW = "https://developer.garmin.com/gc-developer-program/health-api/"
_ACTIVITIES = (
    "https://github.com/the-momentum/open-wearables/blob/main/backend/app/schemas/providers/garmin/activity_import.py"
)
_SOURCE = "garmin"
_DEREGISTRATIONS = "deregistrations"


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    user_id: str
    callback_url: str | None = msgspec.field(default=None, name="callbackURL")


class _Contents:
    """What was found so far in one webhook."""

    def __init__(self, received_at: datetime) -> None:
        # Garmin names no time of a change, and a summary that comes again replaces the one before (section 6.1): what
        # was received later is newer, whatever it covers.
        self._common = {"capturedAt": received_at.astimezone(UTC).isoformat(), "source": _SOURCE}
        self.found: list[Found] = []
        self.resources: list[Resource] = []
        self.withdrawn: list[str] = []
        self.unusable: list[Unusable] = []
        self.ignored = 0

    def take(self, index: int, type_name: str, raw: Any) -> None:
        """Take one item: an address, a deregistration, a summary, or something that we don't use."""
        item = converted(raw, _Item)
        if type_name == _DEREGISTRATIONS:
            self.withdrawn.append(item.user_id)
        elif item.callback_url is not None:
            self.resources.append(Resource(item.user_id, type_name, item.callback_url))
        elif type_name in SUMMARIES:
            shape, readings_of = SUMMARIES[type_name]
            summary, unread = lenient(raw, shape)
            readings = [*readings_of(summary), *unread]
            its = found_in(readings, index, item.user_id)
            self.found += [replace(each, fields={**each.fields, **self._common}) for each in its.found]
            self.unusable += its.unusable
            self.ignored += not readings
        else:
            self.ignored += 1


def unpack(webhook: Webhook) -> Unpacked:
    """Read the lists of summaries, by type; one list may concern many people."""
    contents = _Contents(webhook.received_at)
    index = 0
    for type_name, items in decoded(webhook.body, dict[str, Any]).items():
        # What is no list is one item, which can't be read: it costs itself, and none of the lists beside it.
        for raw in items if isinstance(items, list) else () if items is None else (items,):  # pyright: ignore[reportUnknownVariableType]  # any JSON
            try:
                contents.take(index, type_name, raw)
            except InvalidMessage as error:
                contents.unusable.append(Unusable(index, str(error)))
            index += 1
    return Unpacked(
        joined(contents.found),
        tuple(contents.resources),
        tuple(contents.withdrawn),
        tuple(contents.unusable),
        contents.ignored,
    )


SAYS = (
    *taken(
        dailies="activity, resting_heart_rate; heart_rate as samples",
        sleeps="sleep with its naps; respiratory_rate and spo2 as samples",
        hrv="hrv; rmssd of five minutes as samples",
        bodyComps="body, at its instant",
        bloodPressures="systolic_pressure, diastolic_pressure and heart_rate as samples",
        skinTemp="skin_temperature (deviation)",
        pulseox="spo2 on demand at its instant; all others as samples",
        pulseOx="as `pulseox`",
        allDayRespiration="respiratory_rate as samples",
        respiration="as `allDayRespiration`",
        healthSnapshot="hrv, respiratory_rate, spo2",
        activities="workout; a parent has the context `multisport`",
        manuallyUpdatedActivities="workout",
        activityDetails="workout; heart_rate, power, speed, altitude and cadence as samples",
    ),
    *counted(NO_KIND, "epochs", "stressDetails", "userMetrics", "moveIQActivities", "menstrualCycleTracking"),
    *counted("stays in the webhook", "laps", "stepsPerMinute", "epochSummaries", "sdrr_hrv", "bodyBattery"),
    *counted("an address: have summaries pushed", "callbackURL (ping)", "activityFiles"),
    Said("userPermissionsChange", "unconfirmed", "which permission stands for which summaries"),
)


GARMIN = Vendor(
    name="garmin",
    title="Garmin Health and Activity API",
    # Garmin does not sign; its `garmin-client-id` header names our own application and is no secret. What protects the
    # address is that only Garmin knows it.
    # https://github.com/the-momentum/open-wearables/blob/main/backend/app/services/providers/garmin/webhook_handler.py
    signature=SecretPath(),
    unpack=unpack,
    carries="data or ids",
    kinds=(
        "hrv",
        "sleep",
        "resting_heart_rate",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "activity",
        "workout",
        "body",
        "samples",
    ),
    sources=(_OVERVIEW, _ACTIVITIES),
    unconfirmed=(
        "everything: the specification is given to partners only, and was read in a public copy of version 1.2",
        "which token the address in a ping takes: a ping is counted and not followed, so have summaries pushed",
        "whether `durationInSeconds` of a night holds time awake: its text and its examples differ",
        "which name lists of pulse oximetry and respiration have: those of both public descriptions are read",
        "that a summary which comes again is a change, and not a delivery that is repeated: both look alike",
        "that pushes have up to 100 MB: the guide that says so is for partners only",
        "steps and strokes per minute of `activityDetails`, laps, epochs, stress and body battery: left out",
    ),
    # A day that is corrected, and corrected back, comes as the same text again.
    repeats_are_news=True,
    # At least 10 MB, and 100 MB for activity details: the Start Guide for partners, as public code that receives says.
    largest_body_bytes=100 * 1024 * 1024,
    # Section 4.1: thirty seconds, and nothing but 200 counts as taken.
    deadline_s=30.0,
    says=SAYS,
)
