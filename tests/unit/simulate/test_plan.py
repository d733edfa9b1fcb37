"""What simulated vendors deliver: the same for the same seed, understood by those who unpack it."""

import random
from collections import Counter
from datetime import UTC, date, datetime
from itertools import islice

import pytest

from athlete_ally.core.vendor.plugin import Answer, Secrets
from athlete_ally.core.vendor.signature import Request, Unverified, verify
from athlete_ally.core.vendor.webhook import Webhook
from athlete_ally.simulate.plan import Dispatch, Mix, dispatches
from athlete_ally.simulate.profiles import PROFILES, STANDARD
from athlete_ally.simulate.sender import another_secret
from athlete_ally.simulate.synthetic_people import night
from athlete_ally.simulate.vendor_profile import VendorProfile
from athlete_ally.vendors import PLUGINS, VENDORS, generic

DAY = date(2026, 11, 20)
ACCOUNTS = ("7000001", "7000002")
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SECRET = "whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTE="  # noqa: S105  # of the simulated vendor
ALL = {vendor.name: (vendor, PROFILES.get(vendor.name, STANDARD)) for vendor in (*PLUGINS, generic("clinic"))}


def plan(profile: VendorProfile, mix: Mix, count: int = 200, seed: int = 1) -> list[Dispatch]:
    """Return the first deliveries."""
    return list(islice(dispatches(profile, ACCOUNTS, DAY, mix, random.Random(seed).random), count))  # noqa: S311  # repeatable


def test_every_vendor_has_a_profile() -> None:
    """
    Each vendor that we have a file of can be simulated, and no other.
    """
    assert set(VENDORS) == set(PROFILES)
    assert {vendor.name for vendor in PLUGINS if vendor.api} == {
        name for name, profile in PROFILES.items() if profile.api
    }


@pytest.mark.parametrize("name", ALL)
def test_what_is_delivered_is_verified_and_of_use(name: str) -> None:
    """
    Every delivery of a vendor is proven by its signature, names its person, and holds nothing that can't be used.
    """
    vendor, profile = ALL[name]
    for body in profile.deliveries("7000001", DAY):
        path_secret = SECRET if profile.secret_in_path else ""
        signed = profile.sign(SECRET, body, int(NOW.timestamp()))
        verify(vendor.signature, Request("POST", {}, signed, body, path_secret), [SECRET], NOW)
        unpacked = vendor.unpack(Webhook(body, signed, NOW))
        people = {each.account for each in (*unpacked.found, *unpacked.resources)}

        assert (people, unpacked.unusable, unpacked.ignored, unpacked.withdrawn) == ({"7000001"}, (), 0, ())


@pytest.mark.parametrize("name", ALL)
def test_a_handshake_is_answered_as_the_vendor_wants(name: str) -> None:
    """
    Our answer to each request of a handshake has the status that the vendor waits for.
    """
    vendor, profile = ALL[name]
    secrets = Secrets((SECRET,), ("a-token",))
    for shake in profile.handshake(SECRET, "a-token"):
        path_secret = SECRET if profile.secret_in_path else ""
        answer = vendor.handshake(Request(shake.method, shake.query, shake.headers, shake.body, path_secret), secrets)

        assert isinstance(answer, Answer)
        assert (shake.status, True) == (answer.status, shake.holds in answer.body.decode())


@pytest.mark.parametrize("name", ALL)
def test_a_forgery_is_never_verified(name: str) -> None:
    """
    Somebody with another secret is refused as a stranger whom every vendor's scheme finds out.
    """
    vendor, profile = ALL[name]
    forger = another_secret(SECRET)
    for body in profile.deliveries("7000001", DAY):
        path_secret = forger if profile.secret_in_path else ""
        signed = profile.sign(forger, body, int(NOW.timestamp()))

        with pytest.raises(Unverified) as refused:
            verify(vendor.signature, Request("POST", {}, signed, body, path_secret), [SECRET], NOW)
        assert refused.value.cause == "mismatch"


def test_forgeries_come_besides() -> None:
    """
    They are a share of their own: what the vendor itself delivers is the same with and without them.
    """
    mixed = plan(STANDARD, Mix(forged=0.3), count=300)
    own = [each for each in mixed if not each.is_forged]

    assert own == plan(STANDARD, Mix(), count=len(own))
    assert 40 < len(mixed) - len(own) < 100


def test_nothing_is_lost_by_disorder_or_duplicates() -> None:
    """
    With both, every delivery comes at least once; a share comes twice, and some come after newer ones.
    """
    plain = plan(STANDARD, Mix())
    mixed = plan(STANDARD, Mix(duplicates=0.3, disorder=0.3), count=400)
    firsts = [each.body for each in mixed if not each.is_repeat]

    assert {each.body for each in plain} <= set(firsts)
    assert max(Counter(firsts).values()) == 1
    assert {each.body for each in mixed if each.is_repeat} <= set(firsts)
    assert 60 < len(mixed) - len(firsts) < 120
    assert firsts[: len(plain)] != [each.body for each in plain]


def test_a_seed_decides() -> None:
    """
    The same seed makes the same deliveries, another one others.
    """
    mix = Mix(0.2, 0.2)

    assert plan(STANDARD, mix, seed=7) == plan(STANDARD, mix, seed=7)
    assert plan(STANDARD, mix, seed=7) != plan(STANDARD, mix, seed=8)


@pytest.mark.parametrize("day", [date.fromordinal(DAY.toordinal() - back) for back in range(0, 3000, 97)])
def test_nights_are_plausible(day: date) -> None:
    """
    Stages and time awake fill the time in bed, which ends on the day; values are in the ranges of healthy adults.
    """
    slept = night("7000001", day)

    assert (slept.in_bed_s, day) == (slept.asleep_s + slept.awake_s, slept.end.date())
    assert 5.5 * 3600 < slept.asleep_s < 8.6 * 3600
    assert (15 < slept.rmssd_ms < 90, 40 < slept.resting_bpm < 70) == (True, True)
