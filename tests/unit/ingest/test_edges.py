"""The edges of ingest that need no server: splitting bodies, admission, keys, problem documents, OpenAPI."""

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate
from support.samples import NOON as NOW
from support.samples import hrv_reading

from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.core.readings.reading import LONGEST_LABEL, Problem
from athlete_ally.ingest.admission import Admission
from athlete_ally.ingest.keys import KeyRing, owned, require_kind
from athlete_ally.ingest.openapi import build_openapi
from athlete_ally.ingest.parse import split_body
from athlete_ally.ingest.refusal import MAX_ERRORS, Refusal
from athlete_ally.measurements import HRV, KINDS, MEASUREMENTS
from athlete_ally.vendors import VENDORS


@pytest.mark.parametrize(
    ("content_type", "body", "items"),
    [
        ("application/json", b' {"a": 1} ', [b'{"a": 1}']),
        ("application/json; charset=utf-8", b'[{"a": 1}, 2]', [b'{"a": 1}', b"2"]),
        ("APPLICATION/JSON", b"[]", []),
        ("application/x-ndjson", b'{"a": 1}\n\n{"b": 2}\r\n', [b'{"a": 1}', b'{"b": 2}']),
        ("application/jsonl", b"", []),
    ],
)
def test_each_form_is_split_into_readings(content_type: str, body: bytes, items: list[bytes]) -> None:
    """
    One reading, an array, or a line each: the same readings come out, undecoded.
    """
    assert [json.loads(item) for item in items] == [json.loads(bytes(item)) for item in split_body(body, content_type)]


@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/x-ndjson", "text/plain", ""]))
def test_no_body_breaks_the_splitter(body: bytes, content_type: str) -> None:
    """
    Any bytes are split, or refused with 400 or 415.
    """
    try:
        split_body(body, content_type)
    except Refusal as refusal:
        assert refusal.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}


def test_admission_bounds_requests_and_bytes() -> None:
    """
    Beyond either bound: 429 with Retry-After; what a request held is free again when it ends, also by an error.
    """
    admission = Admission(max_requests=2, max_bytes=100)
    with admission.enter() as first, admission.enter() as second:
        first.hold(80)
        for too_much in (lambda: second.hold(30), lambda: admission.enter().__enter__()):
            with pytest.raises(Refusal) as refusal:
                too_much()
            assert (refusal.value.status, refusal.value.retry_after_s) == (HTTPStatus.TOO_MANY_REQUESTS, 1)
    with pytest.raises(ZeroDivisionError), admission.enter() as third:
        third.hold(90)
        raise ZeroDivisionError

    assert (admission.requests, admission.bytes) == (0, 0)


def test_one_large_request_is_never_starved() -> None:
    """
    A request that is alone may hold more than the bound: its own size has its own limit.
    """
    with (admission := Admission(max_requests=2, max_bytes=100)).enter() as ticket:
        ticket.hold(90)
        ticket.hold(90)

        assert admission.bytes == 180


RING = KeyRing([ClientKey(name="app", sha256=digest("aak_good"), created="", kinds=("hrv",))])


@pytest.mark.parametrize(
    ("authorization", "kind", "status"),
    [
        (None, "hrv", HTTPStatus.UNAUTHORIZED),
        ("aak_good", "hrv", HTTPStatus.UNAUTHORIZED),
        ("Basic aak_good", "hrv", HTTPStatus.UNAUTHORIZED),
        ("Bearer ", "hrv", HTTPStatus.UNAUTHORIZED),
        ("Bearer aak_bad", "hrv", HTTPStatus.UNAUTHORIZED),
        ("Bearer aak_good", "sleep", HTTPStatus.FORBIDDEN),
    ],
)
def test_a_wrong_key_is_refused(authorization: str | None, kind: str, status: HTTPStatus) -> None:
    """
    Missing, malformed, unknown: 401; not for this kind: 403; the answer never repeats the key.
    """
    with pytest.raises(Refusal) as refusal:
        require_kind(RING.verify(authorization, NOW), kind)

    assert (status, False) == (refusal.value.status, "aak_" in refusal.value.detail)


def test_a_good_key_is_recognised() -> None:
    """
    The key is found by its digest, whatever the case of the scheme.
    """
    assert RING.verify("bearer aak_good", NOW).name == "app"


def test_a_key_ends() -> None:
    """
    From the instant at which it ends on a key is refused like one that was revoked.
    """
    ring = KeyRing([ClientKey(name="app", sha256=digest("aak_good"), created="2026-11-01", expires=NOW)])

    assert ring.verify("Bearer aak_good", NOW - timedelta(seconds=1)).name == "app"
    with pytest.raises(Refusal, match="has ended"):
        ring.verify("Bearer aak_good", NOW)


@pytest.mark.parametrize(
    ("scopes", "kind", "allowed"),
    [
        ((), "hrv", True),
        (("ingest:hrv",), "hrv", True),
        (("ingest:hrv",), "sleep", False),
        (("ingest:*",), "sleep", True),
        (("read:*",), "hrv", False),
    ],
)
def test_scopes_say_what_may_be_sent(scopes: tuple[str, ...], kind: str, *, allowed: bool) -> None:
    """
    A key with scopes sends what they name; one without, as all were before there were scopes, sends every kind.
    """
    key = ClientKey(name="app", sha256="", created="2026-11-01", scopes=scopes)

    assert key.allows("ingest", kind) == allowed


def test_a_key_with_a_prefix_or_a_person_sends_for_its_own_people() -> None:
    """
    The prefix stands in front of every user id, within the limit of an id; another person's reading is refused.
    """
    mine = msgspec.convert(hrv_reading("p-01"), HRV.decoder.reading_type)
    study = ClientKey(name="study", sha256="", created="2026-11-01", prefix="study-a/")
    long = msgspec.structs.replace(mine, user_id="x" * (LONGEST_LABEL - len(study.prefix) + 1))

    assert [each.user_id for each in owned(study, [mine])] == ["study-a/p-01"]
    with pytest.raises(Refusal) as refusal:
        owned(study, [mine, long])
    assert [(each.index, each.field) for each in refusal.value.errors] == [(1, "userId")]
    with pytest.raises(Refusal, match="one person only"):
        owned(ClientKey(name="phone", sha256="", created="2026-11-01", person="ada"), [mine])


def test_a_problem_document_is_rfc_9457() -> None:
    """
    Type, title, status, detail; at most 100 located errors; 401 says how to authenticate, 503 when to come back.
    """
    errors = [Problem(index, "rmssd", "too large") for index in range(150)]
    response = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not now", errors=errors, retry_after_s=5).response()
    document = json.loads(bytes(response.body))

    assert tuple(document[name] for name in ("type", "title", "status", "detail")) == (
        "about:blank",
        "Service Unavailable",
        503,
        "not now",
    )
    assert (
        len(document["errors"]),
        response.headers["retry-after"],
        response.headers["content-type"],
    ) == (MAX_ERRORS, "5", "application/problem+json")
    unauthorised = Refusal(HTTPStatus.UNAUTHORIZED, "who?").response()
    assert unauthorised.headers["www-authenticate"].startswith("Bearer")


def test_openapi_is_valid_and_its_examples_are() -> None:
    """
    The document is OpenAPI 3.1, names every kind, and its examples satisfy its own schemas.
    """
    document = build_openapi(MEASUREMENTS, VENDORS, "1.2.3")
    validate(document)

    for kind in KINDS:
        operation: dict[str, Any] = document["paths"][f"/api/v1/ingest/{kind}"]["post"]
        media = operation["requestBody"]["content"]["application/json"]
        for example in media["examples"].values():
            jsonschema.validate(example["value"], {**media["schema"], "components": document["components"]})


def test_every_answer_of_ours_is_in_the_contract() -> None:
    """
    Each status that a request can get is documented, with a problem document for all but 202.
    """
    operation = build_openapi(MEASUREMENTS, VENDORS, "1")["paths"]["/api/v1/ingest/hrv"]["post"]

    assert {"202", "400", "401", "403", "408", "413", "415", "422", "429", "503"} == set(operation["responses"])
    assert msgspec.json.encode(operation)
