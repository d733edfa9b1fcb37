"""What a reader sees of the API: over HTTP, with keys, against real servers."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from openapi_spec_validator import validate
from support.here import Here
from support.samples import NOON, hrv_record, request
from support.services import Site

from athlete_ally.adapters.files.key_file import KeyFile, write_key_file
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.api.people import TokenRequest
from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.measurements import HRV, SAMPLES

YEAR_AGO = datetime(2025, 11, 20, tzinfo=UTC)
KEYS: dict[str, dict[str, Any]] = {
    "everything": {"scopes": ("read:*",)},
    "hrv": {"scopes": ("read:hrv",)},
    "sender": {},
    "ada": {"scopes": ("read:*",), "person": "ada"},
    "study-a": {"scopes": ("read:*",), "prefix": "study-a/"},
    "over": {"scopes": ("read:*",), "expires": YEAR_AGO},
    "slow": {"scopes": ("read:*",), "requests_per_minute": 2},
}
PEOPLE = ("ada", "ben", "study-a/ada")


def run_of(user: str, values: list[float], code: str = "heart_rate", unit: str = "/min") -> Record:
    """Return a run of points, one a minute from 2026-11-20 07:00 in Berlin on."""
    example = {**SAMPLES.examples[0], "userId": user, "code": code, "unit": unit, "values": values}
    example |= {"offsetsSeconds": [60.0 * number for number in range(len(values))], "end": "2026-11-20T09:00:00+01:00"}
    reading = msgspec.convert(example, SAMPLES.decoder.reading_type)
    arrival = Arrival(message_id="points", stream_sequence=900, received_at=NOON)
    return SAMPLES.normalise(reading, arrival, 0, Rules())


class Asking:
    """Asks the API with one of the keys."""

    def __init__(self, client: httpx.AsyncClient, pool: Any) -> None:
        """Use a client of its address."""
        self.client, self.pool = client, pool

    async def get(self, path: str, key: str = "everything", **parameters: Any) -> httpx.Response:
        """Return the answer to a GET below /api/v1."""
        return await self.client.get(f"/api/v1{path}", params=parameters, headers=authorization(key))

    async def json(self, path: str, key: str = "everything", **parameters: Any) -> Any:
        """Return what a GET answers with 200."""
        answer = await self.get(path, key, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def store(self, *records: Record, sequence: int) -> None:
        """Store records as normalize does."""
        await PostgresStore(self.pool).store(HRV, [request(*records, sequence=sequence)])


def authorization(key: str) -> dict[str, str]:
    """Return the header with a key, or with a token."""
    secret = key if key.startswith("aat_") else f"aak_{key}"
    return {"Authorization": f"Bearer {secret}"} if key else {}


@pytest.fixture
async def api(here: Here, site: Site, tmp_path: Path) -> AsyncGenerator[Asking]:
    """Run the API on a database with three people's rows, and points of one."""
    keys = [
        ClientKey(name=name, sha256=digest(f"aak_{name}"), created="2026-11-01", **fields)
        for name, fields in KEYS.items()
    ]
    write_key_file(tmp_path / "keys.json", KeyFile(keys=tuple(keys)))
    for number, person in enumerate(PEOPLE):
        records = [
            msgspec.structs.replace(
                hrv_record(person, 40.0 + day), period=f"2026-11-{day:02}", day=NOON.replace(day=day)
            )
            for day in range(1, 6)
        ]
        await PostgresStore(site.pool).store(HRV, [request(*records, sequence=number + 1)])
    run = run_of("ada", [60.0 + number for number in range(90)])
    await PostgresStore(site.pool).store(SAMPLES, [request(run, sequence=900)])
    (url,) = await here.start("api", AA_INGEST_KEYS_FILE=str(tmp_path / "keys.json"))
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield Asking(client, site.pool)


async def test_people_and_what_there_is_of_them(api: Asking) -> None:
    """
    A list says who there is, in which kinds and from when to when; one person also with sources; no value is in it.
    """
    first = await api.json("/people", limit=2)
    rest = await api.json("/people", limit=2, cursor=first["next"])
    ada = await api.json("/people/ada")

    assert list(PEOPLE) == [each["user_id"] for each in (*first["people"], *rest["people"])]
    assert rest["next"] is None
    assert [
        (each["kind"], each["first_day"], each["last_day"], each["sources"])
        for each in ada["kinds"]
        if each["kind"] == "hrv"
    ] == [("hrv", "2026-11-01", "2026-11-05", ["client"])]
    assert {"hrv", "samples"} == {each["kind"] for each in ada["kinds"]}


async def test_records_page_by_page(api: Asking) -> None:
    """
    The pages of a person hold every record once, newest first, and Link leads from one to the next.
    """
    days: list[str] = []
    answer = await api.get("/people/ada/records/hrv", limit=2)
    while True:
        days += [each["day"] for each in answer.json()["records"]]
        if "next" not in answer.links:
            break
        answer = await api.client.get(answer.links["next"]["url"], headers=authorization("everything"))

    assert [f"2026-11-0{day}" for day in (5, 4, 3, 2, 1)] == days


async def test_a_stream_in_place_of_pages(api: Asking) -> None:
    """
    The Accept header chooses NDJSON or CSV: all records in one answer.
    """
    for media, lines in (("application/x-ndjson", 15), ("text/csv", 16)):
        headers = {**authorization("everything"), "Accept": media}
        answer = await api.client.get("/api/v1/records/hrv", headers=headers)

        assert answer.headers["content-type"].startswith(media)
        assert lines == len(answer.text.splitlines())


async def test_samples_raw_and_in_buckets(api: Asking) -> None:
    """
    Points come as they are, or in buckets of the person's hours and days, whose aggregate the answer names.
    """
    span = {"from": "2026-11-20T06:00:00Z", "to": "2026-11-20T08:00:00Z"}
    raw = await api.json("/people/ada/samples/heart_rate", **span)
    hours = await api.json("/people/ada/samples/heart_rate", **span, resolution="1h", time_zone="Europe/Berlin")
    day = await api.json("/people/ada/samples/heart_rate", **span, resolution="1d", time_zone="Europe/Berlin")

    assert [60.0 + number for number in range(90)] == [each["value"] for each in raw["samples"]]
    assert [(each["at"], each["point_count"], each["mean"]) for each in hours["samples"]] == [
        ("2026-11-20T06:00:00+00:00", 60, 89.5),
        ("2026-11-20T07:00:00+00:00", 30, 134.5),
    ]
    assert [each["at"] for each in day["samples"]] == ["2026-11-19T23:00:00+00:00"]
    assert (hours["aggregate"], hours["unit"]) == ("mean", "/min")


async def test_samples_page_by_page(api: Asking) -> None:
    """
    Pages of points and of buckets hold each once.
    """
    for parameters, expected in (({}, 90), ({"resolution": "15m"}, 6)):
        span = {"from": "2026-11-20T06:00:00Z", "to": "2026-11-20T08:00:00Z", "limit": 4, **parameters}
        instants: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await api.json("/people/ada/samples/heart_rate", **span, **cursor)
            instants += [each["at"] for each in page["samples"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}

        assert expected == len(instants) == len(set(instants))


async def test_a_change_is_heard_while_waiting(api: Asking) -> None:
    """
    A reader that waits at the end of the feed is told as soon as something is stored; then there is nothing more.
    """
    end = (await api.json("/changes", after="latest"))["cursor"]
    waiting = asyncio.create_task(api.json("/changes", after=end, wait=30))
    await api.store(hrv_record("cleo", 55.0), sequence=77)
    told = await waiting
    after = await api.json("/changes", after=told["cursor"])

    assert [(each["type"], each["user_id"], each["record"]["rmssd_ms"]) for each in told["changes"]] == [
        ("created", "cleo", 55.0)
    ]
    assert after["changes"] == []


async def test_the_feed_from_its_beginning(api: Asking) -> None:
    """
    Without a cursor everything that is stored is told, in pages; points by the day.
    """
    told: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.json("/changes", limit=4, **cursor)
        told += page["changes"]
        cursor = {"after": page["cursor"]}
        if not page["changes"]:
            break

    assert {(person, "hrv"): 5 for person in PEOPLE} | {("ada", "samples"): 1} == {
        key: sum((each["user_id"], each["kind"]) == key for each in told)
        for key in {(each["user_id"], each["kind"]) for each in told}
    }
    assert [(each["period"], each["code"], each["record"]) for each in told if each["kind"] == "samples"] == [
        ("2026-11-20", "heart_rate", None)
    ]


async def test_changes_as_events(api: Asking) -> None:
    """
    With text/event-stream each change is an event; the id of the last one leads on where the stream broke off.
    """
    headers = {**authorization("everything"), "Accept": "text/event-stream"}
    lines = await until_event(api, headers, "data: ")
    cursor = next(line.removeprefix("id: ") for line in lines if line.startswith("id: "))
    await api.store(hrv_record("cleo", 55.0), sequence=77)
    more = await until_event(api, {**headers, "Last-Event-ID": cursor}, "data: ")

    assert [json.loads(line.removeprefix("data: "))["user_id"] for line in more if line.startswith("data: ")] == [
        "cleo"
    ]


async def until_event(api: Asking, headers: dict[str, str], beginning: str) -> list[str]:
    """Return the lines of the feed up to the end of the page that has an event."""
    lines: list[str] = []
    async with api.client.stream("GET", "/api/v1/changes", headers=headers) as answer:
        async for line in answer.aiter_lines():
            lines.append(line)
            if line == "" and any(each.startswith("id: ") for each in lines) and lines[-2].startswith(beginning):
                return lines
    raise AssertionError(lines)


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        ("", "/kinds", 401),
        ("nobody", "/kinds", 401),
        ("over", "/kinds", 401),
        ("sender", "/kinds", 200),
        ("sender", "/people", 403),
        ("sender", "/people/ada", 403),
        ("sender", "/records/hrv", 403),
        ("sender", "/changes", 403),
        ("hrv", "/people", 200),
        ("hrv", "/people/ada/records/hrv", 200),
        ("hrv", "/people/ada/records/sleep", 403),
        ("hrv", "/people/ada/samples/heart_rate", 403),
        ("hrv", "/changes?kinds=sleep", 403),
        ("ada", "/people", 403),
        ("ada", "/records/hrv", 403),
        ("ada", "/people/ada", 200),
        ("ada", "/people/ada/records/hrv", 200),
        ("ada", "/people/ben", 404),
        ("ada", "/people/ben/records/hrv", 404),
        ("ada", "/people/ben/samples/heart_rate", 404),
        ("ada", "/changes?people=ben", 200),
        ("ada", "/changes", 200),
        ("study-a", "/people/ada/records/hrv", 200),
        ("study-a", "/people/ben/records/hrv", 404),
        ("everything", "/people/nobody", 404),
        ("everything", "/people/nobody/records/hrv", 404),
        ("everything", "/people/ada/records/samples", 404),
        ("everything", "/people/ada/records/nothing", 404),
        ("everything", "/people/ada/samples/nothing", 404),
        ("everything", "/nothing", 404),
        ("everything", "/people/", 404),
    ],
)
async def test_who_may_read_what(api: Asking, key: str, path: str, status: int) -> None:
    """
    A key reads what its scopes, its person and its prefix allow, and nothing else; a refusal is a problem document.
    """
    answer = (
        await api.get(path, key)
        if "?" not in path
        else await api.client.get(f"/api/v1{path}", headers=authorization(key))
    )

    assert status == answer.status_code, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_prefix_is_never_seen(api: Asking) -> None:
    """
    A study's key reads its own people by their own ids, in lists, records, streams and changes.
    """
    people = await api.json("/people", "study-a")
    page = await api.json("/records/hrv", "study-a")
    feed = await api.json("/changes", "study-a")
    headers = {**authorization("study-a"), "Accept": "application/x-ndjson"}
    stream = await api.client.get("/api/v1/records/hrv", headers=headers)

    assert [each["user_id"] for each in people["people"]] == ["ada"]
    assert [each["user_id"] for each in page["records"]] == ["ada"] * 5
    assert [each["record"]["user_id"] for each in feed["changes"]] == ["ada"] * 5
    for text in (json.dumps([people, page, feed]), stream.text):
        assert "study-a" not in text


async def test_a_person_of_a_token_sees_only_their_changes(api: Asking) -> None:
    """
    A token for one person, made with a key for all, reads that person and nobody else, and ends.
    """
    made = await api.client.post(
        "/api/v1/tokens",
        content=msgspec.json.encode(TokenRequest(user_id="ben", lasts_s=600)),
        headers=authorization("everything"),
    )
    token = made.json()["token"]

    assert made.status_code == 201
    assert {"ben"} == {each["user_id"] for each in (await api.json("/changes", token))["changes"]}
    assert (await api.json("/changes", token, people="ada"))["changes"] == []
    assert (await api.get("/people/ada", token)).status_code == 404
    assert (await api.get("/people/ben", token)).status_code == 200
    assert (await api.client.post("/api/v1/tokens", content=b"{}", headers=authorization(token))).status_code == 403
    assert datetime.fromisoformat(made.json()["ends_at"]) - datetime.now(UTC) < timedelta(minutes=10)


@pytest.mark.parametrize(
    ("path", "parameters", "named"),
    [
        ("/people/ada/records/hrv", {"limit": 0}, "limit"),
        ("/people/ada/records/hrv", {"limit": "9" * 30}, "limit"),
        ("/people/ada/records/hrv", {"limit": "٣"}, "limit"),
        ("/people/ada/records/hrv", {"sources": "oura"}, "sources"),
        ("/people/ada/records/hrv", {"first_day": "2026-02-30"}, "first_day"),
        ("/people/ada/records/hrv", {"first_day": "2026-02-03", "last_day": "2026-02-01"}, "last_day"),
        ("/people/ada/records/hrv", {"from": "2026-02-03T00:00:00"}, "from"),
        ("/people/ada/records/hrv", {"order": "random"}, "order"),
        ("/people/ada/records/hrv", {"include": "everything"}, "include"),
        ("/people/ada/records/hrv", {"cursor": "made-up"}, "cursor"),
        ("/people/ada/records/hrv", {"source": "a\0b"}, "source"),
        ("/people/ada/samples/heart_rate", {"resolution": "2h"}, "resolution"),
        ("/people/ada/samples/heart_rate", {"time_zone": "Mars/Olympus"}, "time_zone"),
        ("/people/ada/samples/heart_rate", {"time_zone": "../../etc/passwd"}, "time_zone"),
        ("/changes", {"wait": 61}, "wait"),
        ("/changes", {"kinds": "everything"}, "kinds"),
        ("/changes", {"after": "x" * 5000}, "after"),
    ],
)
async def test_a_refusal_names_the_parameter(api: Asking, path: str, parameters: dict[str, Any], named: str) -> None:
    """
    What is misspelt or impossible is refused with the parameter's name: nothing is ignored.
    """
    answer = await api.get(path, **parameters)

    assert (400, named) == (answer.status_code, answer.json()["parameter"])


async def test_a_cursor_is_good_for_its_own_list_only(api: Asking) -> None:
    """
    A cursor of one person's list opens no other.
    """
    page = await api.json("/people/ada/records/hrv", limit=1)

    assert (await api.get("/people/ben/records/hrv", cursor=page["next"])).status_code == 400
    assert (await api.get("/people/ada/records/hrv", cursor=page["next"], order="oldest")).status_code == 400


async def test_a_key_has_its_share_of_requests(api: Asking) -> None:
    """
    Headers say what is left; then 429 with a time to wait; other keys are answered as before.
    """
    answers = [await api.get("/kinds", "slow") for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["RateLimit-Policy"] for each in answers[:2]] == ['"key";q=2;w=60'] * 2
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert (await api.get("/kinds")).status_code == 200


async def test_what_the_reader_has_is_not_sent_again(api: Asking) -> None:
    """
    An ETag that still fits is answered 304; after a new record it does not fit any more. Answers are compressed.
    """
    first = await api.get("/people/ada/records/hrv", limit=4)
    headers = {**authorization("everything"), "If-None-Match": first.headers["ETag"]}
    again = await api.client.get("/api/v1/people/ada/records/hrv?limit=4", headers=headers)
    await api.store(hrv_record("ada", 55.0), sequence=77)
    changed = await api.client.get("/api/v1/people/ada/records/hrv?limit=4", headers=headers)

    assert (again.status_code, again.content, changed.status_code) == (304, b"", 200)
    assert first.headers["Content-Encoding"] in {"gzip", "zstd"}


async def test_the_contract_is_valid(api: Asking) -> None:
    """
    /openapi.json is OpenAPI 3.1, and /docs shows it.
    """
    validate((await api.client.get("/openapi.json")).json())

    assert (await api.client.get("/docs")).status_code == 200
