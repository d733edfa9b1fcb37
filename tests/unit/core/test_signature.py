"""The one verifier: what is signed passes, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.webhooks import BY_NAME, Signed, signed_samples

from athlete_ally.core.vendor.signature import (
    CAUSES,
    Hmac,
    Request,
    SecretPath,
    SharedHeader,
    Unverified,
    is_secret,
    verify,
)

SAMPLES = signed_samples()
IDS = [f"{number}-{sample.vendor.name}" for number, sample in enumerate(SAMPLES)]
BY_HMAC = [sample for sample in SAMPLES if isinstance(sample.vendor.signature, Hmac)]
DATED = [
    sample for sample in BY_HMAC if isinstance(sample.vendor.signature, Hmac) and sample.vendor.signature.max_age_s
]
# Where several are sent while keys rotate, those that are not ours mean nothing.
WITH_ONE_SIGNATURE = [sample for sample in SAMPLES if " v1" not in sample.request.headers.get("webhook-signature", "")]
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def check(sample: Signed, request: Request | None = None, now: datetime | None = None) -> None:
    """Verify a sample, changed where it is given."""
    verify(sample.vendor.signature, request or sample.request, sample.secrets, now or sample.now)


def cause(sample: Signed, request: Request | None = None, now: datetime | None = None) -> str:
    """Return why a sample does not pass."""
    with pytest.raises(Unverified) as refused:
        check(sample, request, now)
    assert refused.value.cause in CAUSES
    return refused.value.cause


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_what_openssl_signed_passes(sample: Signed) -> None:
    """
    A request that was signed by the vendor's documented rule, by another program, is taken.
    """
    check(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_missing_secret_opens_nothing(sample: Signed) -> None:
    """
    Without a secret, or with another one, nothing passes.
    """
    for secrets in ((), ("c29tZXRoaW5nLWVsc2UtYWx0b2dldGhlcg==",)):
        with pytest.raises(Unverified) as refused:
            verify(sample.vendor.signature, sample.request, secrets, sample.now)
        assert refused.value.cause == "mismatch"


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_request_without_proof_is_told_apart(sample: Signed) -> None:
    """
    No header and no secret in the address: the cause is `missing`.
    """
    assert cause(sample, replace(sample.request, headers={}, path_secret="")) == "missing"


def test_every_vendor_has_a_sample() -> None:
    """
    What follows is shown for each vendor: there is one with a signature that openssl computed, or with its secret.
    """
    assert set(BY_NAME) == {sample.vendor.name for sample in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_each_secret_is_good_while_they_are_replaced(sample: Signed) -> None:
    """
    The one that the sender signs with may stand before or behind others.
    """
    other = "c29tZXRoaW5nLWVsc2UtYWx0b2dldGhlcg=="
    for secrets in ((other, *sample.secrets), (*sample.secrets, other)):
        verify(sample.vendor.signature, sample.request, secrets, sample.now)


@pytest.mark.parametrize("sample", BY_HMAC, ids=[sample.vendor.name for sample in BY_HMAC])
@settings(max_examples=40)
@given(data=st.data())
def test_no_altered_byte_verifies(sample: Signed, data: st.DataObject) -> None:
    """
    Whatever byte of the body is changed, added or taken away: it is not taken.
    """
    body = sample.request.body
    place = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != body[place]))
    altered = [
        body[:place] + bytes([byte]) + body[place + 1 :],
        body[:place] + bytes([byte]) + body[place:],
        body[:place] + body[place + 1 :],
    ]

    assert {cause(sample, replace(sample.request, body=each)) for each in altered} == {"mismatch"}


@pytest.mark.parametrize("sample", WITH_ONE_SIGNATURE, ids=[sample.vendor.name for sample in WITH_ONE_SIGNATURE])
@settings(max_examples=40)
@given(data=st.data())
def test_no_altered_header_verifies(sample: Signed, data: st.DataObject) -> None:
    """
    Whatever character of a header, or of the secret address, is changed or taken away: it is not taken.
    """
    headers = {**sample.request.headers, "": sample.request.path_secret}
    name = data.draw(st.sampled_from(sorted(name for name, value in headers.items() if value)))
    value = headers[name]
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(codec="ascii", exclude_characters=value[place]))
    altered = data.draw(
        st.sampled_from([value[:place] + other + value[place + 1 :], value[:place] + value[place + 1 :]])
    )
    request = replace(sample.request, headers={**sample.request.headers, name: altered})
    if name == "":
        request = replace(sample.request, path_secret=altered)

    assert cause(sample, request) in CAUSES


@pytest.mark.parametrize("sample", DATED, ids=[sample.vendor.name for sample in DATED])
@settings(max_examples=40)
@given(seconds=st.floats(1, 1e9))
def test_no_old_timestamp_verifies(sample: Signed, seconds: float) -> None:
    """
    A request whose vendor signs a time is not taken once it is older, or newer, than the vendor's allowance.
    """
    allowed = sample.vendor.signature.max_age_s if isinstance(sample.vendor.signature, Hmac) else None
    assert allowed is not None
    for direction in (1, -1):
        later = sample.now + direction * timedelta(seconds=allowed + seconds)
        assert cause(sample, now=later) == "too-old"


@given(
    scheme=st.sampled_from([*(sample.vendor.signature for sample in SAMPLES), SharedHeader("a"), SecretPath()]),
    headers=st.dictionaries(
        st.sampled_from(sorted({name for sample in SAMPLES for name in sample.request.headers})), st.text(max_size=40)
    ),
    body=st.binary(max_size=40),
    path=st.text(max_size=20),
)
def test_nothing_crashes_it(
    scheme: Hmac | SharedHeader | SecretPath, headers: dict[str, str], body: bytes, path: str
) -> None:
    """
    Whatever is in the headers, the answer is `Unverified` with one of the causes.
    """
    with pytest.raises(Unverified) as refused:
        verify(scheme, Request("POST", {}, headers, body, path), ["c2VjcmV0LXNlY3JldA=="], NOW)
    assert refused.value.cause in CAUSES


@pytest.mark.parametrize(
    "timestamp", ["", "now", "12e3", "-1", "9" * 16, "1e400", "2026-11-24T10:00:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    """
    A timestamp that can't be read, or is of no known zone, proves nothing.
    """
    scheme = Hmac(header="s", signed=("timestamp", "body"), timestamp_header="t", max_age_s=60)
    with pytest.raises(Unverified) as refused:
        verify(scheme, Request("POST", {}, {"s": "aa", "t": timestamp}, b""), ["secret"], NOW)

    assert refused.value.cause in {"malformed", "too-old"}


def test_a_token_that_is_not_configured_equals_nothing() -> None:
    """
    Not even the empty one.
    """
    assert [is_secret("", ()), is_secret("", ("a",)), is_secret("a", ("b", "a"))] == [False, False, True]
