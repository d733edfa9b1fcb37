"""How vendors are asked for a person's past."""

import json
from datetime import date
from typing import Any

import pytest

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, Document
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.webhook import NOTHING
from athlete_ally.vendors import PLUGINS, strava

APIS: dict[str, Api] = {vendor.name: vendor.api for vendor in PLUGINS if vendor.api is not None}
LISTINGS = {f"{name} {each.type}": (name, each) for name, api in APIS.items() for each in api.history}
MARCH = Window(date(2026, 3, 1), date(2026, 3, 30))
# 14 hours before the first day begins in UTC, and 12 after the last one has ended there.
BEGINS, ENDS = "2026-02-28T10:00:00.000Z", "2026-03-31T12:00:00.000Z"
BEGINS_S, ENDS_S = 1_772_272_800, 1_774_958_400


def first(name: str, window: Window = MARCH) -> Call:
    """Return the first request of a listing."""
    _, listing = LISTINGS[name]
    return listing.call(window)


@pytest.mark.parametrize(
    ("name", "path", "asked"),
    [
        ("oura sleep_list", "/v2/usercollection/sleep", {"start_date": "2026-02-28", "end_date": "2026-03-31"}),
        ("whoop night_list", "/developer/v2/activity/sleep", {"start": BEGINS, "end": ENDS, "limit": "25"}),
        ("whoop workout_list", "/developer/v2/activity/workout", {"start": BEGINS, "end": ENDS, "limit": "25"}),
        (
            "withings 1",
            "/measure",
            {"action": "getmeas", "category": "1", "startdate": f"{BEGINS_S}", "enddate": f"{ENDS_S}"},
        ),
        ("fitbit hrv", "/1/user/-/hrv/date/2026-03-01/2026-03-30.json", {}),
        ("fitbit activity_series", "/1/user/-/activities/steps/date/2026-03-01/2026-03-30.json", {}),
        ("polar ACTIVITY_SUMMARY_LIST", "/v3/users/activities", {"from": "2026-03-01", "to": "2026-03-30"}),
        ("polar SLEEP", "/v3/users/sleep/2026-03-01", {}),
        ("polar EXERCISE_LIST", "/v3/exercises", {}),
        (
            "strava activity",
            "/api/v3/athlete/activities",
            {"after": f"{BEGINS_S - 1}", "before": f"{ENDS_S}", "page": "1", "per_page": "200"},
        ),
    ],
)
def test_a_window_is_asked_for_in_the_vendors_terms(name: str, path: str, asked: dict[str, str]) -> None:
    """
    Days where the vendor takes days, and instants that hold them wherever the person is where it takes instants.
    """
    call = first(name)

    assert (call.path, {**call.query, **(call.form or {})}) == (path, asked)


PAGES: dict[str, tuple[Any, dict[str, str], Any]] = {
    "oura sleep_list": ({"data": [], "next_token": "t"}, {"next_token": "t"}, {"data": [], "next_token": None}),
    "whoop workout_list": ({"records": [], "next_token": "t"}, {"nextToken": "t"}, {"records": []}),
    "withings 1": ({"body": {"more": 1, "offset": 40}}, {"offset": "40"}, {"body": {"more": False}}),
    "strava activity": ([{"id": 1}], {"page": "2"}, []),
    "google_health sleep": ({"dataPoints": [], "nextPageToken": "t"}, {"pageToken": "t"}, {"dataPoints": []}),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_next_page_is_asked_for_until_there_is_none(name: str) -> None:
    """
    What an answer says of the next page goes into the next request, which is else the same; the last one ends it.
    """
    there_is_more, says, there_is_none = PAGES[name]
    call = first(name)
    assert call.then is not None
    following = call.then(json.dumps(there_is_more).encode())
    assert following is not None
    assert following.then is not None

    assert following.path == call.path
    asked, before = {**following.query, **(following.form or {})}, {**call.query, **(call.form or {})}
    assert asked == {**before, **says}
    assert following.then(json.dumps(there_is_none).encode()) is None


def test_recoveries_are_asked_for_after_their_sleeps() -> None:
    """
    WHOOP's recoveries name neither when nor where their night was.
    """
    sleeps = first("whoop night_list")
    assert sleeps.then is not None
    recoveries = sleeps.then(b'{"records": []}')

    assert recoveries is not None
    assert (recoveries.path, recoveries.query) == ("/developer/v2/recovery", sleeps.query)
    assert recoveries.then is not None
    assert recoveries.then(b"{}") is None


def test_series_of_fitbit_follow_each_other() -> None:
    """
    Nine requests, the heart rates last.
    """
    paths, call = list[str](), first("fitbit activity_series")
    following: Call | None = call
    while following is not None:
        paths.append(following.path)
        following = None if following.then is None else following.then(b"{}")

    assert (len(paths), paths[-1]) == (9, "/1/user/-/activities/heart/date/2026-03-01/2026-03-30.json")


def test_activities_are_named_on_all_pages() -> None:
    """
    One page or several, the last of which is empty; an answer that names nothing we know is invalid.
    """
    assert strava.names(b'[[{"id": 1}, {"id": 2}], [{"id": 3}], []]') == ("1", "2", "3")
    assert (strava.names(b'[{"id": 1}]'), strava.names(b"[]")) == (("1",), ())
    for body in (b"{}", b'[{"name": "Run"}]', b"[1]"):
        with pytest.raises(InvalidMessage):
            strava.names(body)


@pytest.mark.parametrize("name", LISTINGS)
def test_every_answer_of_a_listing_is_read(name: str) -> None:
    """
    A listing has its documentation, and either a reader of its answers or a request for what they name.
    """
    vendor, listing = LISTINGS[name]

    assert listing.docs.startswith("https://")
    assert _is_read(APIS[vendor], listing)


def _is_read(api: Api, listing: Listing) -> bool:
    document = Document(listing.type, "4000", b"!", MARCH.instants[0])
    try:
        return api.read(document) != NOTHING
    except InvalidMessage:
        # It has a reader, which has seen that this is not an answer.
        return True
