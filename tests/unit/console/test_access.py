"""Access to the console, and its duration."""

import itertools
from collections.abc import Callable

import pytest

from athlete_ally.console.access import (
    SESSION_S,
    Attempts,
    LocalAuthentication,
    Person,
    ProxyAuthentication,
    Sessions,
    TokenAuthentication,
)
from athlete_ally.core.client_key import digest

OPERATOR, VIEWER = Person("ada", "operator"), Person("vic", "viewer")


def counted() -> Callable[[], str]:
    """Return a chance that is none."""
    numbers = itertools.count()
    return lambda: f"chance-{next(numbers)}"


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        """Start at 0."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_a_token_is_worth_its_role_until_it_is_revoked() -> None:
    """
    The file that holds a token's digest decides the role; once it is gone, a session of it is over.
    """
    operators = {digest("aak_one"): "ada"}
    authentication = TokenAuthentication(lambda: operators, lambda: {digest("aak_two"): "vic"})

    assert (authentication.check("aak_one"), authentication.check("aak_two"), authentication.check("aak_three")) == (
        OPERATOR,
        VIEWER,
        None,
    )
    assert authentication.is_welcome(OPERATOR)

    operators.clear()

    assert not authentication.is_welcome(OPERATOR)
    assert authentication.is_welcome(VIEWER)


def test_a_proxy_is_believed_from_its_own_address_only() -> None:
    """
    The header of a proxy counts from the proxy's address; from any other it is nobody's.
    """
    authentication = ProxyAuthentication("X-User", ("10.0.0.2",), ("ada",))

    assert authentication.admit({"X-User": "ada"}, "10.0.0.2") == OPERATOR
    assert authentication.admit({"X-User": "vic"}, "10.0.0.2") == VIEWER
    assert authentication.admit({"X-User": "ada"}, "10.0.0.9") is None
    assert authentication.admit({}, "10.0.0.2") is None


def test_who_is_on_this_machine_is_its_operator() -> None:
    """
    A console that binds loopback only admits the local user, under the name that the command line would record.
    """
    assert LocalAuthentication("ada@host").admit({}, "127.0.0.1") == Person("ada@host", "operator")


def test_a_session_ends() -> None:
    """
    A session is found until it is ended or its time is up, and its forms carry what nobody else knows.
    """
    clock = Clock()
    sessions = Sessions(clock, counted())
    first, second = sessions.begin(OPERATOR), sessions.begin(VIEWER)

    assert sessions.find(first.key) == first
    assert first.sent(first.form_token)
    assert not first.sent(second.form_token)

    sessions.end(first.key)
    assert sessions.find(first.key) is None

    clock.now_s = SESSION_S
    assert sessions.find(second.key) is None


def test_sessions_are_bounded() -> None:
    """
    However often somebody comes without a cookie, memory is bounded, and the latest session works.
    """
    sessions = Sessions(Clock(), counted())
    begun = [sessions.begin(VIEWER) for _ in range(1500)]

    assert sessions.find(begun[-1].key) == begun[-1]
    assert sum(sessions.find(each.key) is not None for each in begun) <= 1000


@pytest.mark.parametrize(("failures", "has_to_wait"), [(4, False), (5, True)])
def test_after_five_failures_an_address_waits(failures: int, has_to_wait: bool) -> None:  # noqa: FBT001  # a table
    """
    Five failures within a minute make an address wait until the first is a minute old; others are not held up.
    """
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(failures):
        attempts.failed("10.0.0.1")

    assert has_to_wait == (attempts.wait_s("10.0.0.1") > 0)
    assert attempts.wait_s("10.0.0.2") == 0

    clock.now_s = 60.0
    assert attempts.wait_s("10.0.0.1") == 0
