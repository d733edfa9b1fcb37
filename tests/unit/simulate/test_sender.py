"""Delivering as vendors do: until it is taken, and no further than they go."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.wait import eventually

from athlete_ally.simulate.plan import Dispatch
from athlete_ally.simulate.profiles import STANDARD
from athlete_ally.simulate.profiles.oura import OURA
from athlete_ally.simulate.profiles.withings import WITHINGS
from athlete_ally.simulate.sender import Outgoing, Reply, Sender, Tally
from athlete_ally.simulate.vendor_profile import VendorProfile

SECRET = "whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTE="  # noqa: S105  # of the simulated vendor


class Authentication:
    """An address that answers as it is told, and remembers what came; `waited_s` is what its sender waited."""

    def __init__(self, *statuses: int, text: str = "") -> None:
        """Answer these, the last one for ever."""
        self._statuses = list(statuses)
        self._text = text
        self.came: list[Outgoing] = []
        self.waited_s: list[float] = []

    async def send(self, request: Outgoing) -> Reply:
        """Take a request."""
        self.came.append(request)
        return Reply(self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0], self._text)

    async def was_used(self) -> bool:
        """Tell whether anything came."""
        return bool(self.came)

    async def sleep(self, seconds: float) -> None:
        """Wait in no time."""
        self.waited_s.append(seconds)

    def sender(self, profile: VendorProfile = STANDARD, hasten: float = 1.0) -> Sender:
        """Return who sends here."""
        return Sender(profile, SECRET, "t", self.send, lambda: datetime.now(UTC), self.sleep, hasten, Tally())


async def test_what_is_refused_is_sent_again() -> None:
    """
    A delivery that is refused and then unanswered is sent a third time, under the same id, after the vendor's waits.
    """
    authentication = Authentication(503, 0, 200)
    sender = authentication.sender(hasten=10)
    await sender.run(iter([Dispatch(b"{}")]), 1000, asyncio.Event())

    assert authentication.waited_s == [0.5, 30.0]
    assert len({request.headers["webhook-id"] for request in authentication.came}) == 1
    assert sender.tally.document() == {
        "deliveries": 1,
        "repeats": 0,
        "forged": 0,
        "attempts": 3,
        "taken": 1,
        "given_up": 0,
        "refused": 0,
        "unanswered": 0,
        "answers": {"0": 1, "200": 1, "503": 1},
    }


async def test_a_vendor_stops_retrying() -> None:
    """
    A delivery that is never taken is abandoned after the vendor's last wait, and the tally says so.
    """
    authentication = Authentication(500)
    sender = authentication.sender()
    await sender.run(iter([Dispatch(b"{}")]), 1000, asyncio.Event())

    assert (len(STANDARD.waits_s) + 1, 1, False) == (
        len(authentication.came),
        sender.tally.abandoned,
        sender.tally.all_taken,
    )


@pytest.mark.parametrize(("status", "all_refused"), [(401, True), (200, False), (503, False), (0, False)])
async def test_a_forgery_is_sent_once_and_has_to_be_refused(status: int, *, all_refused: bool) -> None:
    """
    It carries another signature than the delivery, is not sent again, and only a 401 is the right answer.
    """
    authentication = Authentication(status)
    sender = authentication.sender()
    await sender.run(iter([Dispatch(b"{}", is_forged=True)]), 1000, asyncio.Event())
    tally = sender.tally

    assert (1, [], all_refused) == (len(authentication.came), authentication.waited_s, tally.all_refused)
    assert (tally.deliveries, tally.forged, tally.document()["unanswered"]) == (0, 1, 0)
    honest = STANDARD.sign(SECRET, b"{}", int(authentication.came[0].headers["webhook-timestamp"]))
    assert honest["webhook-signature"] != authentication.came[0].headers["webhook-signature"]


async def test_a_secret_that_is_an_address_is_in_it() -> None:
    """
    Deliveries and handshakes of a vendor that does not sign go to the secret address, a forgery to another one.
    """
    authentication = Authentication(200)
    sender = authentication.sender(WITHINGS)
    await sender.shake_hands()
    await sender.run(iter([Dispatch(b"a=b"), Dispatch(b"a=b", is_forged=True)]), 1000, asyncio.Event())

    assert {each.path_secret == SECRET for each in authentication.came[:-1]} == {True}
    assert authentication.came[-1].path_secret not in {"", SECRET}


async def test_a_stop_ends_it() -> None:
    """
    A stop is heard while nothing is to be sent for a long time; what was sent is counted.
    """
    authentication, stop = Authentication(200), asyncio.Event()
    sender = authentication.sender()
    running = asyncio.create_task(sender.run(iter([Dispatch(b"1"), Dispatch(b"2")]), 0.0001, stop))
    await eventually(authentication.was_used)
    stop.set()
    await asyncio.wait_for(running, 5)

    assert len(authentication.came) == 1


async def test_a_stop_waits_for_an_answer_and_for_no_retry() -> None:
    """
    What is on its way when the stop comes is counted as taken; what waits to be sent again stays unanswered.
    """
    authentication, stop, answered = Authentication(200), asyncio.Event(), asyncio.Event()
    waiting = authentication.sender()

    async def slow(request: Outgoing) -> Reply:
        await authentication.send(request)
        if request.body == b"refused":
            return Reply(503)
        await answered.wait()
        return Reply(200)

    async def for_long(_seconds: float) -> None:
        await asyncio.Event().wait()

    sender = replace(waiting, send=slow, sleep=for_long)
    running = asyncio.create_task(sender.run(iter([Dispatch(b"slow"), Dispatch(b"refused")]), 1000, stop))

    async def both_came() -> bool:
        return len(authentication.came) == 2

    await eventually(both_came)
    stop.set()
    asyncio.get_running_loop().call_soon(answered.set)
    await asyncio.wait_for(running, 5)

    assert (sender.tally.taken, sender.tally.document()["unanswered"]) == (1, 1)


async def test_a_wrong_answer_to_the_handshake_is_named() -> None:
    """
    A service that returns the challenge to everybody is told which request was answered wrongly.
    """
    complaints = await Authentication(200, text='{"challenge":"a-challenge"}').sender(OURA).shake_hands()

    assert complaints == ["GET of the handshake: 401 is wanted, 200 answered"]
