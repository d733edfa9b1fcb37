"""What vendors' APIs are asked, and what their answers mean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vendor_samples import NOON

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.webhook import Resource
from athlete_ally.formats.polar import physical_information
from athlete_ally.vendors import PLUGINS, fitbit, polar, strava

APIS = {vendor.name: vendor.api for vendor in PLUGINS if vendor.api is not None}
NOON_S = 1_795_521_600.0


@pytest.mark.parametrize(
    ("vendor", "type_name", "id_", "path"),
    [
        ("fitbit", "sleep", "2026-11-23", "/1.2/user/-/sleep/date/2026-11-23.json"),
        ("fitbit", "hrv", "2026-11-23", "/1/user/-/hrv/date/2026-11-23.json"),
        ("fitbit", "breathing_rate", "2026-11-23", "/1/user/-/br/date/2026-11-23.json"),
        ("fitbit", "spo2", "2026-11-23", "/1/user/-/spo2/date/2026-11-23.json"),
        ("fitbit", "skin_temperature", "2026-11-23", "/1/user/-/temp/skin/date/2026-11-23.json"),
        ("fitbit", "activities", "2026-11-23", "/1/user/-/activities/steps/date/2026-11-23/1d.json"),
        ("fitbit", "weight", "2026-11-23", "/1/user/-/body/log/weight/date/2026-11-23.json"),
        ("fitbit", "foods", "2026-11-23", None),
        ("fitbit", "sleep", "", None),
        ("polar", "EXERCISE", "aQlC83", "/v3/exercises/aQlC83"),
        ("polar", "SLEEP", "2026-11-23", "/v3/users/sleep/2026-11-23"),
        ("polar", "NIGHTLY_RECHARGE", "2026-11-23", "/v3/users/nightly-recharge/2026-11-23"),
        ("polar", "ACTIVITY_SUMMARY", "2026-11-23", "/v3/users/activities/2026-11-23"),
        ("polar", "PHYSICAL_INFORMATION", "anything", "/v3/users/physical-info"),
        ("polar", "SLEEP_WISE_ALERTNESS", "2026-11-23", None),
        ("strava", "activity", "1360128428", "/api/v3/activities/1360128428"),
        ("strava", "athlete", "134815", None),
    ],
)
def test_a_resource_is_asked_for_by_its_path(vendor: str, type_name: str, id_: str, path: str | None) -> None:
    """
    Each type that is used has its address; one that is not used is not asked for.
    """
    call = APIS[vendor].call(Resource("a", type_name, id_))

    assert path == (None if call is None else call.path)


def test_a_day_of_fitbit_is_asked_for_by_its_steps_and_then_whole() -> None:
    """
    The summary of a day does not say of which day it is: the steps before it do.
    """
    first = APIS["fitbit"].call(Resource("a", "activities", "2026-11-23"))

    assert first is not None
    assert first.then is not None
    steps = json.dumps({"activities-steps": [{"dateTime": "2026-11-23", "value": "4698"}]}).encode()
    assert first.then(steps) == Call("/1/user/-/activities/date/2026-11-23.json")
    for body in (b'{"activities-steps": []}', b"{}", b"[]"):
        with pytest.raises(InvalidMessage):
            first.then(body)


_ENDED, _SAMPLED = "sleep.interval.end_time", "weight.sample_time.physical_time"
ASKED = "2026-11-23T22:58:00Z/2026-11-24T06:01:30Z"


@pytest.mark.parametrize(
    ("type_name", "chosen"),
    [
        (
            "sleep",
            'NAME >= "2026-11-23T22:58:00+00:00" AND NAME < "2026-11-25T06:01:30+00:00"'.replace("NAME", _ENDED),
        ),
        (
            "exercise",
            'exercise.interval.civil_start_time >= "2026-11-21" AND exercise.interval.civil_start_time < "2026-11-26"',
        ),
        (
            "weight",
            'NAME >= "2026-11-23T22:58:00+00:00" AND NAME < "2026-11-24T06:01:31+00:00"'.replace("NAME", _SAMPLED),
        ),
        (
            "daily-heart-rate-variability",
            'daily_heart_rate_variability.date >= "2026-11-22" AND daily_heart_rate_variability.date < "2026-11-26"',
        ),
    ],
)
def test_google_is_asked_for_what_changed_page_by_page(type_name: str, chosen: str) -> None:
    """
    The filter holds what changed in every time zone; as long as there is another page it is asked for with its token.
    """
    call = APIS["google_health"].call(Resource("a", type_name, ASKED))

    assert call is not None
    assert (call.path, call.query) == (f"/v4/users/me/dataTypes/{type_name}/dataPoints", {"filter": chosen})
    assert call.then is not None
    following = call.then(b'{"dataPoints": [], "nextPageToken": "p2"}')
    assert following is not None
    assert following.query == {"filter": chosen, "pageToken": "p2"}
    assert following.then is not None
    last = following.then(b"{}")
    assert (None if last is None else last.path) == (
        "/v4/users/me/dataTypes/body-fat/dataPoints" if type_name == "weight" else None
    )


def test_what_makes_up_a_weighing_is_asked_for_together() -> None:
    """
    Whichever of weight and body fat changed: Google is asked for the weights and then for the fats of the same time.
    """
    asked = [APIS["google_health"].call(Resource("a", name, ASKED)) for name in ("weight", "body-fat")]
    paths = [[each.path.split("/")[-2] for each in _followed(call)] for call in asked]

    assert paths == [["weight", "body-fat"]] * 2


def test_a_recharge_is_asked_for_with_its_night() -> None:
    """
    Its series are by the clock of the night, and only the night says how far that is from UTC.
    """
    call = APIS["polar"].call(Resource("a", "NIGHTLY_RECHARGE", "2026-11-23"))

    assert [each.path for each in _followed(call)] == [
        "/v3/users/nightly-recharge/2026-11-23",
        "/v3/users/sleep/2026-11-23",
    ]


def _followed(call: Call | None) -> list[Call]:
    """Return a request and those that follow from empty answers."""
    followed: list[Call] = []
    while call is not None:
        followed.append(call)
        call = None if call.then is None else call.then(b"{}")
    return followed


def test_physical_information_at_no_instant_is_refused() -> None:
    """
    Nothing says when a mass without `modified` and `created` was the person's.
    """
    with pytest.raises(InvalidMessage, match="modified: an instant is needed"):
        physical_information(Document("PHYSICAL_INFORMATION", "a", b'{"weight": 70.5}', NOON))


@pytest.mark.parametrize(
    "id_", ["", "/", "2026-11-23/2026-11-24", "0001-01-01T00:00:00Z/9999-12-31T23:00:00Z", "a/b/c"]
)
def test_google_is_not_asked_for_an_interval_that_is_none(id_: str) -> None:
    """
    What names no interval, or one beyond every calendar, is not asked for.
    """
    assert APIS["google_health"].call(Resource("a", "sleep", id_)) is None


@given(
    vendor=st.sampled_from(["fitbit", "polar", "strava"]),
    type_name=st.sampled_from(["sleep", "EXERCISE", "activity"]),
    id_=st.text(min_size=1),
)
def test_no_id_leads_to_another_host_or_query(vendor: str, type_name: str, id_: str) -> None:
    """
    Whatever a notification names becomes one segment of the path.
    """
    call = APIS[vendor].call(Resource("a", type_name, id_.encode("utf-8", "ignore").decode()))
    expected = APIS[vendor].call(Resource("a", type_name, "x"))

    assert call is None or expected is not None
    if call is not None and expected is not None:
        assert call.path.count("/") == expected.path.count("/")
        assert not set("?#@ ") & set(call.path)


def test_a_dead_token_is_told_in_the_words_of_oauth() -> None:
    """
    Strava's and Fitbit's own errors become `invalid_grant` for a dead token, and something else for our own mistake.
    """
    dead = {"message": "Bad Request", "errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "x"}]}
    ours = {"message": "Bad Request", "errors": [{"resource": "Application", "field": "client_id", "code": "invalid"}]}
    fitbits = {"errors": [{"errorType": "invalid_grant", "message": "Refresh token invalid"}], "success": False}
    unknown = {"errors": [{"errorType": "invalid_client"}], "success": False}
    answers = [
        (strava.unwrap, dead, "invalid_grant"),
        (strava.unwrap, ours, "invalid_client"),
        (fitbit.unwrap, fitbits, "invalid_grant"),
        (fitbit.unwrap, unknown, "invalid_client"),
    ]

    assert [expected for *_, expected in answers] == [
        json.loads(unwrap(json.dumps(body).encode()))["error"] for unwrap, body, _ in answers
    ]
    tokens = b'{"access_token": "a"}'
    assert (strava.unwrap(tokens), fitbit.unwrap(tokens)) == (tokens, tokens)
    with pytest.raises(InvalidMessage):
        strava.unwrap(b"<html>")


def test_strava_is_left_alone_until_its_limit_begins_anew() -> None:
    """
    Until the next quarter of an hour, or until midnight UTC when the day is used up; only reads are looked at first.
    """
    quarter = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "101,300"}
    day = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "101,1001"}
    overall = {"x-ratelimit-limit": "200,2000", "x-ratelimit-usage": "200,500"}

    waits_s = [strava.wait_s(headers, NOON_S + 60) for headers in (quarter, day, overall)]
    assert waits_s == [840.0, 43_140.0, 840.0]
    assert [strava.wait_s(each, NOON_S) for each in ({}, {"retry-after": "7"}, {"x-ratelimit-usage": "a,b"})] == [
        None,
        7.0,
        None,
    ]


def test_fitbit_says_in_how_many_seconds() -> None:
    """
    The seconds until the person's hour is over, in Fitbit's own header or in the standard's.
    """
    assert fitbit.wait_s({"fitbit-rate-limit-reset": "1478", "retry-after": "1"}, NOON_S) == 1478.0
    assert [fitbit.wait_s({"retry-after": "5"}, NOON_S), fitbit.wait_s({}, NOON_S)] == [5.0, None]


def test_polar_says_by_status_what_there_is() -> None:
    """
    A day without data is gone, a person who is registered already is fine, one without consent is refused.
    """
    verdicts = {status: polar.outcome_of(status, b"") for status in (200, 204, 409, 403, 404, 401, 429, 500)}

    assert verdicts == {
        200: "ok",
        204: "gone",
        409: "ok",
        403: "refused",
        404: "gone",
        401: "unauthorized",
        429: "limited",
        500: "later",
    }
