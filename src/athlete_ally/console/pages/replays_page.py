"""Test dead letters, then replay them; the replay asks for confirmation after the canary."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from athlete_ally.console.layout import PageLayout, Visit
from athlete_ally.console.replays import Replays
from athlete_ally.core.errors import Refused
from athlete_ally.ops.dead_letters.replay_plan import Terms
from athlete_ally.ops.dead_letters.selection import Selection

_MOST_PER_S = 10_000.0
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ReplayPages:
    """The pages that test and replay dead letters."""

    layout: PageLayout
    replays: Replays
    most_behind: int

    def routes(self) -> list[Route]:
        """Return the routes."""
        layout = self.layout
        return [
            layout.act("/letters/tests", self._begin_test, for_viewers=True),
            layout.page("/letters/tests/{key}", partial(self._test, template="letter_test.html")),
            layout.page("/letters/tests/{key}/live", partial(self._test, template="_letter_test.html")),
            layout.act("/letters/tests/{key}/replay", self._begin_replay),
            layout.page("/letters/replays/{run}", partial(self._replay, template="replay.html")),
            layout.page("/letters/replays/{run}/live", partial(self._replay, template="_replay.html")),
            layout.act("/letters/replays/{run}/answer", self._answer),
            layout.act("/letters/replays/{run}/resume", self._resume),
        ]

    async def _begin_test(self, visit: Visit) -> Response:
        try:
            selection, terms = _selection(visit.form), _terms(visit.form, self.most_behind)
        except ValueError as error:
            return self.layout.notice(visit, "This can't be tested", str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
        return _go(f"/letters/tests/{self.replays.test(selection, terms).key}")

    async def _test(self, visit: Visit, *, template: str) -> Response:
        found = self.replays.tests.get(visit.request.path_params["key"])
        if found is None:
            text = "The console keeps tests in memory and was restarted since: start the test again."
            return self.layout.notice(visit, "No such test", text, HTTPStatus.NOT_FOUND)
        return self.layout.render(visit, template, test=found)

    async def _begin_replay(self, visit: Visit) -> Response:
        found = self.replays.tests.get(visit.request.path_params["key"])
        if found is None or found.plan is None:
            return self.layout.notice(visit, "Test first", "A replay needs a finished test first.", HTTPStatus.CONFLICT)
        return await self._begin(visit, self.replays.start(found.plan, visit.session.person.name))

    async def _resume(self, visit: Visit) -> Response:
        run, name = visit.request.path_params["run"], visit.session.person.name
        return await self._begin(visit, self.replays.resume(run, name))

    async def _begin(self, visit: Visit, starting: Awaitable[str]) -> Response:
        try:
            return _go(f"/letters/replays/{await starting}")
        except Refused as error:
            return self.layout.notice(visit, "Not now", str(error), HTTPStatus.CONFLICT)

    async def _replay(self, visit: Visit, *, template: str) -> Response:
        run = visit.request.path_params["run"]
        found = self.replays.running.get(run) or await self.replays.left_off(run)
        if found is None:
            return _go(f"/letters/journal?run={quote(run)}")
        return self.layout.render(visit, template, running=found, progress=found.progress, plan=found.plan)

    async def _answer(self, visit: Visit) -> Response:
        run = visit.request.path_params["run"]
        found = self.replays.running.get(run)
        if found is not None:
            found.say(go_on=visit.form.get("answer") == "go-on")
        return _go(f"/letters/replays/{quote(run)}")


def _go(path: str) -> Response:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def _selection(form: Mapping[str, str]) -> Selection:
    """Return the selection of dead letters in a form.

    Raises:
        ValueError: it contains none.
    """
    if sequence := form.get("sequence", ""):
        return Selection(sequences=frozenset({_number(sequence, "sequence")}))
    if fingerprint := form.get("fingerprint", ""):
        return Selection(fingerprint=fingerprint)
    if form.get("everything") == "yes":
        return Selection()
    raise ValueError("no dead letters selected: select one, a group, or all of them")


def _terms(form: Mapping[str, str], most_behind: int) -> Terms:
    """Return the terms of a replay.

    Raises:
        ValueError: a field is not a number in its range; the text names the field.
    """
    most = form.get("most", "")
    rate_per_s = float(_number(form.get("rate") or "100", "rate"))
    if not 1 <= rate_per_s <= _MOST_PER_S:
        raise ValueError(f"rate: {rate_per_s:g} is not in [1, {_MOST_PER_S:g}] dead letters per second")
    return Terms(
        rate_per_s=rate_per_s,
        most=max(1, _number(most, "most")) if most else None,
        canary=_number(form.get("canary") or "0", "canary"),
        most_behind=most_behind,
    )


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValueError(f"{field}: {text!r} is not a whole number")
    return int(text)
