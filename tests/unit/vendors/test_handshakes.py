"""Handshakes: the vendor gets what it asks for, a stranger learns nothing."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.webhooks import BY_NAME

from athlete_ally.core.vendor.plugin import Answer, Secrets
from athlete_ally.core.vendor.signature import Request

SECRETS = Secrets(signing=("Bearer signing-secret", "address-secret-01"), tokens=("old-token", "the-token"))
VERIFICATION = json.dumps({"type": "verification"}).encode()
OURA = {"verification_token": "the-token", "challenge": "c-1"}
STRAVA = {"hub.mode": "subscribe", "hub.verify_token": "the-token", "hub.challenge": "15f7d1a91c1f40f8a748fd134752feb3"}


def ask(vendor: str, secrets: Secrets = SECRETS, *, method: str = "GET", **parts: Any) -> Answer | None:
    """Return the vendor's answer to a request."""
    request = Request(
        method, parts.get("query", {}), parts.get("headers", {}), parts.get("body", b""), parts.get("path", "")
    )
    return BY_NAME[vendor].handshake(request, secrets)


def status(answer: Answer | None) -> int | None:
    """Return the status, or None where it was no handshake."""
    return answer.status if answer else None


def test_a_challenge_is_given_back_to_who_knows_the_token() -> None:
    """
    Oura and Strava get their challenge as JSON, in their own names; a wrong token gets 401 and no challenge.
    """
    for vendor, query, expected in (
        ("oura", OURA, {"challenge": "c-1"}),
        ("strava", STRAVA, {"hub.challenge": STRAVA["hub.challenge"]}),
    ):
        answer = ask(vendor, query=query)
        assert answer is not None
        assert (answer.status, json.loads(answer.body), answer.media_type) == (200, expected, "application/json")
        for token in ("", "wrong"):
            wrong = {name: token if "token" in name else value for name, value in query.items()}
            assert ask(vendor, query=wrong) == Answer(401)
        assert ask(vendor, Secrets(), query=query) == Answer(401)


def test_each_token_in_rotation_is_good() -> None:
    """
    While a token is changed, the old and the new one are answered.
    """
    assert [status(ask("oura", query={**OURA, "verification_token": each})) for each in SECRETS.tokens] == [200, 200]


def test_fitbit_tries_a_right_and_a_wrong_code() -> None:
    """
    204 for the right code, 404 for a wrong one, as the verification of a subscriber wants it.
    """
    codes = ("the-token", "wrong", "")

    assert [status(ask("fitbit", query={"verify": code})) for code in codes] == [204, 404, 404]


def test_google_probes_with_and_without_its_secret() -> None:
    """
    201 with the right Authorization, 401 without or with another one; a delivery is no probe.
    """
    right = {"authorization": "Bearer signing-secret"}

    assert status(ask("google_health", method="POST", body=VERIFICATION, headers=right)) == 201
    for headers in ({}, {"authorization": "Bearer wrong"}):
        assert status(ask("google_health", method="POST", body=VERIFICATION, headers=headers)) == 401
    for body in (b"[]", b"nonsense", b'{"data": {}}'):
        assert ask("google_health", method="POST", body=body, headers=right) is None


def test_polar_pings_before_there_is_a_secret() -> None:
    """
    A PING is answered with 200 and nothing else, also without any secret; an event is no handshake.
    """
    assert ask("polar", Secrets(), method="POST", body=b'{"event": "PING"}') == Answer(200)
    for body in (b'{"event": "EXERCISE"}', b"", b"[]"):
        assert ask("polar", method="POST", body=body) is None


def test_withings_probes_the_secret_address() -> None:
    """
    HEAD and GET get 200 at the secret address, 404 at any other.
    """
    for method in ("HEAD", "GET"):
        found = [status(ask("withings", method=method, path=path)) for path in ("address-secret-01", "wrong", "")]
        assert found == [200, 404, 404]


@given(
    vendor=st.sampled_from(sorted(BY_NAME)),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    query=st.dictionaries(st.sampled_from([*OURA, *STRAVA, "verify"]), st.text(max_size=20)),
    body=st.one_of(st.binary(max_size=40), st.just(VERIFICATION), st.just(b'{"event": "PING"}')),
    path=st.text(max_size=20),
)
def test_a_stranger_gets_nothing_but_a_refusal(
    vendor: str, method: str, query: dict[str, str], body: bytes, path: str
) -> None:
    """
    A sender without token and secret gets no answer, an error without content, or Polar's 200 to a PING.
    """
    answer = ask(vendor, method=method, query=query, body=body, path=path)

    assert answer is None or answer == (Answer(200) if vendor == "polar" else Answer(answer.status))
    assert vendor == "polar" or answer is None or answer.status >= 400
