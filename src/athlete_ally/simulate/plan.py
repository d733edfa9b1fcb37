"""What is delivered, in which order: everybody's days, some twice, some late, some forged by others. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from athlete_ally.simulate.vendor_profile import VendorProfile

# Ten years: further back nobody wore these devices.
_DAYS = 3650
# A delivery that is late is overtaken by the next one at least, and by so many in the mean.
_OVERTAKEN_BY = 4


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One delivery; `is_repeat`: the vendor sends it although it was sent before; `is_forged`: another sends it."""

    body: bytes
    is_repeat: bool = False
    is_forged: bool = False


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares from 0 to 1: what is sent twice, what comes after others that are newer, what somebody forges besides."""

    duplicates: float = 0.0
    disorder: float = 0.0
    forged: float = 0.0


def dispatches(
    profile: VendorProfile, accounts: Sequence[str], last_day: date, mix: Mix, chance: Callable[[], float]
) -> Iterator[Dispatch]:
    """Yield everybody's deliveries, from the last day backwards. `chance` gives numbers from 0 to 1."""
    for dispatch in _late(_days(profile, accounts, last_day), mix.disorder, chance):
        yield dispatch
        if chance() < mix.duplicates:
            yield replace(dispatch, is_repeat=True)
        if mix.forged and chance() < mix.forged:
            yield replace(dispatch, is_forged=True)


def _days(profile: VendorProfile, accounts: Sequence[str], last_day: date) -> Iterator[Dispatch]:
    for back in range(_DAYS):
        for account in accounts:
            yield from map(Dispatch, profile.deliveries(account, last_day - timedelta(days=back)))


def _late(each: Iterator[Dispatch], share: float, chance: Callable[[], float]) -> Iterator[Dispatch]:
    held: Dispatch | None = None
    for dispatch in each:
        if held is None and chance() < share:
            held = dispatch
            continue
        yield dispatch
        if held is not None and chance() * _OVERTAKEN_BY < 1:
            yield held
            held = None
    if held is not None:
        yield held
