"""One bad part costs itself; null is as good as nothing; what came later is newer; no change is passed over."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.vendor_samples import KINDS, NOON, Everybody, body_of, held, opened, samples, samples_of
from support.webhooks import BY_NAME

from athlete_ally.core.broker.topology import VENDOR_HOT, unpack_durable, webhook_subject
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.vendor.webhook import Resource, Unpacked, Webhook
from athlete_ally.normalize.unpack import sort_out

BROKEN: tuple[Any, ...] = ({"broken": True}, None, "broken", 7)
Place = tuple[str | int, ...]


def is_theirs(vendor: str) -> bool:
    """Tell whether a vendor has shapes of its own; a sender of Standard Webhooks sends readings of ours."""
    return vendor != "clinic"


def is_json(sample: dict[str, Any]) -> bool:
    """Tell whether a payload is JSON, and not a form."""
    return not isinstance(sample["payload"], str)


def names_resources(vendor: str, sample: dict[str, Any]) -> bool:
    """Tell whether a sample is a notification that may name something to ask for."""
    return BY_NAME[vendor].api is not None and "document" not in sample


def places(item: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Return every part of JSON and where it is."""
    yield place, item
    if isinstance(item, dict):
        for name, value in item.items():  # pyright: ignore[reportUnknownVariableType]  # any JSON
            yield from places(value, (*place, str(name)))  # pyright: ignore[reportUnknownArgumentType]  # any JSON
    if isinstance(item, list):
        for number, value in enumerate(item):  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  # any JSON
            yield from places(value, (*place, number))


def at(item: Any, place: Place) -> Any:
    """Return the part that is at a place."""
    for step in place:
        item = item[step]
    return item


def outcome(vendor: str, sample: dict[str, Any], payload: Any) -> dict[str, Any] | None:
    """Return what a payload holds; None where it can't be read at all."""
    try:
        return held(opened(vendor, sample, body_of(payload)))
    except InvalidMessage:
        return None


@pytest.mark.parametrize(("vendor", "sample"), samples())
def test_a_broken_item_changes_nothing_about_the_others(vendor: str, sample: dict[str, Any]) -> None:
    """
    Into every list of a payload, however deep, something other than an item: all that was found before is found.
    """
    good = sample["holds"]
    lists = [
        place
        for place, part in places(sample["payload"])
        # Several answers in a list are our own doing, and the readings of the tests' clinic have no lists of items.
        if isinstance(part, list) and part and isinstance(part[0], dict) and (place or "document" not in sample)
    ]
    for place in lists:
        for broken in BROKEN:
            payload = copy.deepcopy(sample["payload"])
            at(payload, place).append(broken)
            found = outcome(vendor, sample, payload)
            assert found is not None
            for name in ("readings", "resources", "withdrawn"):
                missing = [each for each in good.get(name, []) if each not in found.get(name, [])]
                assert missing == [], f"{name} after {broken!r} at {place}"


@pytest.mark.parametrize(("vendor", "sample"), samples(lambda vendor, sample: is_theirs(vendor) and is_json(sample)))
def test_null_is_as_good_as_nothing(vendor: str, sample: dict[str, Any]) -> None:
    """
    Any member of any object: null, or left out, it is the same.
    """
    for place, _ in places(sample["payload"]):
        if not place or isinstance(place[-1], int):
            continue
        null, without = copy.deepcopy(sample["payload"]), copy.deepcopy(sample["payload"])
        at(null, place[:-1])[place[-1]] = None
        del at(without, place[:-1])[place[-1]]
        assert outcome(vendor, sample, without) == outcome(vendor, sample, null), f"at {place}"


@pytest.mark.parametrize(("vendor", "sample"), samples(names_resources))
def test_no_change_is_passed_over(vendor: str, sample: dict[str, Any]) -> None:
    """
    Whatever is missing from a notification: each resource of a type that we use can be asked for, or is a letter.
    """
    api = BY_NAME[vendor].api
    assert api is not None
    used = {
        resource.type
        for each in samples_of(vendor)
        if "document" not in each
        for resource in opened(vendor, each, body_of(each["payload"])).resources
        if api.call(resource) is not None
    }
    payloads = [sample["payload"]]
    if isinstance(sample["payload"], str):
        fields = sample["payload"].split("&")
        payloads += ["&".join([*fields[:number], *fields[number + 1 :]]) for number in range(len(fields))]
    else:
        for place, _ in places(sample["payload"]):
            if place:
                payload = copy.deepcopy(sample["payload"])
                del at(payload, place[:-1])[place[-1]]
                payloads.append(payload)
    for payload in payloads:
        try:
            unpacked = opened(vendor, sample, body_of(payload))
        except InvalidMessage:
            continue
        unasked = [each for each in unpacked.resources if each.type in used and api.call(each) is None]
        assert unasked == []


@pytest.mark.parametrize("vendor", ["garmin", "terra"])
@pytest.mark.parametrize(("first", "second"), [(8000, 9000), (9000, 8000)])
def test_a_day_that_is_corrected_back_is_corrected(vendor: str, first: int, second: int) -> None:
    """
    Where the vendor names no time of a change the last one received is the newest, also if it was there before.
    """
    messages: list[tuple[str, datetime, float]] = []
    for minutes, steps in enumerate((first, second, first)):
        received_at = NOON + timedelta(minutes=minutes)
        body = json.dumps(DAYS[vendor]).replace("8000", str(steps)).encode()
        unpacked = BY_NAME[vendor].unpack(Webhook(body, {}, received_at))
        delivery = Delivery(
            VENDOR_HOT, minutes, webhook_subject(vendor), unpack_durable(vendor), body, {}, 1, received_at, None
        )
        (message,) = sort_out(unpacked, Everybody(), KINDS, delivery, received_at).messages
        (reading,) = json.loads(message.body)["readings"]
        messages.append((message.message_id, datetime.fromisoformat(reading["capturedAt"]), reading["steps"]))

    assert len({identity for identity, _, _ in messages}) == 3
    assert first == max(messages, key=lambda each: each[1])[2]


DAYS: dict[str, Any] = {
    "garmin": {
        "dailies": [
            {
                "userId": "g-1",
                "calendarDate": "2026-11-24",
                "startTimeInSeconds": 1795474800,
                "startTimeOffsetInSeconds": 3600,
                "durationInSeconds": 43200,
                "steps": 8000,
            }
        ]
    },
    "terra": {
        "type": "daily",
        "user": {"user_id": "t-2", "provider": "GARMIN"},
        "data": [
            {
                "metadata": {"start_time": "2026-11-23T00:00:00+01:00", "end_time": "2026-11-24T00:00:00+01:00"},
                "distance_data": {"steps": 8000},
            }
        ],
    },
}


def test_a_final_night_replaces_the_tentative_one() -> None:
    """
    Garmin's FINAL night has less time in bed than its TENTATIVE one, and is the newer of the two.
    """
    night = {
        "userId": "g-1",
        "calendarDate": "2026-11-24",
        "startTimeInSeconds": 1795474800,
        "startTimeOffsetInSeconds": 3600,
        "lightSleepDurationInSeconds": 25200,
        "awakeDurationInSeconds": 1800,
        "validation": "ENHANCED_TENTATIVE",
    }
    final = {
        **night,
        "lightSleepDurationInSeconds": 23400,
        "awakeDurationInSeconds": 600,
        "validation": "ENHANCED_FINAL",
    }
    tentative, last = (
        BY_NAME["garmin"].unpack(Webhook(json.dumps({"sleeps": [each]}).encode(), {}, NOON + timedelta(hours=hours)))
        for hours, each in enumerate((night, final))
    )

    assert (_only(last)["durationMinutes"], _only(tentative)["durationMinutes"]) == (390.0, 420.0)
    assert _only(tentative)["capturedAt"] < _only(last)["capturedAt"]


def _only(unpacked: Unpacked) -> dict[str, Any]:
    (found,) = unpacked.found
    return dict(found.fields)


@pytest.mark.parametrize(("vendor", "sample"), samples(lambda vendor, _sample: is_theirs(vendor)))
def test_no_time_of_a_change_is_made_of_the_content(vendor: str, sample: dict[str, Any]) -> None:
    """
    What a reading is ordered by is when it was received, or a time of change that the payload states.
    """
    stated = {str(part) for place, part in places(sample["payload"]) if place and place[-1] in CHANGES}
    for found in opened(vendor, sample, body_of(sample["payload"])).found:
        captured = datetime.fromisoformat(found.fields["capturedAt"])
        seconds = f"{captured.timestamp():.0f}"
        known = any(_is_instant(text, captured) or text.partition(".")[0] == seconds for text in stated)
        assert captured == NOON or known


CHANGES = {"modified", "updated_at", "updateTime"}


def _is_instant(text: str, instant: datetime) -> bool:
    try:
        return datetime.fromisoformat(text) == instant
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("id_", "first", "last"),
    [
        ("2026-11-23T22:58:00/2026-11-24T06:01:30", "2026-11-23T08:58:00+00:00", "2026-11-25T18:01:30+00:00"),
        ("2026-11-23T22:58:00/", "2026-11-23T08:58:00+00:00", "2026-11-25T08:58:00+00:00"),
        ("2026-11-23T22:58:00Z/", "2026-11-23T22:58:00+00:00", "2026-11-25T22:58:00+00:00"),
        ("/2026-11-24T06:00:00Z", "2026-11-23T06:00:00+00:00", "2026-11-25T06:00:00+00:00"),
    ],
    ids=["civil", "civil without an end", "without an end", "without a start"],
)
def test_google_is_asked_for_civil_and_open_intervals(id_: str, first: str, last: str) -> None:
    """
    A time on the person's clock is asked for wherever on Earth it may be, and an open interval for a day.
    """
    api = BY_NAME["google_health"].api
    assert api is not None
    call = api.call(Resource("a", "sleep", id_))

    name = "sleep.interval.end_time"
    assert call is not None
    assert {"filter": f'{name} >= "{first}" AND {name} < "{last}"'} == call.query


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [("2026-11-23", "2026-11-23", "2026-11-23"), ("1795500000", "2026-11-23", "2026-11-25")],
    ids=["text", "Unix time"],
)
def test_withings_names_a_day_in_two_ways(day: str, first: str, last: str) -> None:
    """
    A day as a text is asked for as it is; an instant is on one of three days of somebody.
    """
    api = BY_NAME["withings"].api
    assert api is not None
    call = api.call(Resource("a", "16", f"//{day}"))

    assert call is not None
    assert call.form is not None
    assert (first, last) == (call.form["startdateymd"], call.form["enddateymd"])
