"""What all pages share: the session, the authorisation, and the notice when something can't be reached."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from athlete_ally.console import wording
from athlete_ally.console.access import Attempts, Authentication, Session, Sessions
from athlete_ally.core.errors import AthleteAllyError
from athlete_ally.core.http_limits import SENDER_IS_KNOWN
from athlete_ally.core.ports import Log
from athlete_ally.ops.dead_letters.masking import short

COOKIE = "athlete_ally_console"
# Longer than any single request to a server; a page that takes longer says so instead of hanging.
_ANSWER_WITHIN_S = 15.0
_MOST_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """One request within a session."""

    request: Request
    session: Session
    form: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def may_change(self) -> bool:
        """Tell whether this person may change things."""
        return self.session.person.may_change


Page = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """An entry of the navigation."""

    path: str
    title: str


def build_templates() -> Environment:
    """Return the templates; every value is escaped, and invisible characters are made visible."""
    templates = Environment(
        loader=PackageLoader("athlete_ally.console"),
        autoescape=True,
        finalize=wording.visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Any = templates.filters
    words = wording.count, wording.counted, wording.span, wording.size, wording.rate, wording.share
    for word in (*words, wording.moment, wording.figure, wording.as_json, wording.segment, wording.details):
        filters[word.__name__] = word
    filters["short"] = short
    return templates


@dataclass(frozen=True, slots=True)
class PageLayout:
    """Checks sessions, and renders pages."""

    authentication: Authentication
    sessions: Sessions
    attempts: Attempts
    templates: Environment
    navigation: tuple[NavigationEntry, ...]
    environment: str
    log: Log

    def page(self, path: str, page: Page) -> Route:
        """Return the route of a page."""

        async def handle(request: Request) -> Response:
            session, is_new = self._session(request)
            if session is None:
                return self._log_in_first(request)
            response = await self._bounded(page, Visit(request, session))
            return _with_cookie(response, request, session) if is_new else response

        return Route(path, handle, methods=["GET"])

    def act(self, path: str, page: Page, *, for_viewers: bool = False) -> Route:
        """Return the route of an action; it accepts only a form of the console, sent by an operator."""

        async def handle(request: Request) -> Response:
            session, _ = self._session(request)
            if session is None:
                return self._log_in_first(request)
            form = await form_of(request)
            visit = Visit(request, session, form)
            if not session.sent(form.get("form_token", "")):
                text = "This form is no longer valid: the console was restarted, or you logged in again."
                return self.notice(visit, "Please try again", text, HTTPStatus.FORBIDDEN)
            if not visit.may_change and not for_viewers:
                text = "This needs the role operator; your role is viewer."
                return self.notice(visit, "Not for viewers", text, HTTPStatus.FORBIDDEN)
            return await self._bounded(page, visit)

        return Route(path, handle, methods=["POST"])

    def render(self, visit: Visit | None, template: str, status: int = 200, **model: Any) -> Response:
        """Return a rendered page, or a part of one."""
        session = visit.session if visit else None
        text = self.templates.get_template(template).render(
            **model,
            path=visit.request.url.path if visit else "",
            person=session.person if session else None,
            may_change=bool(visit and visit.may_change),
            form_token=session.form_token if session else "",
            has_log_in=self.authentication.has_log_in,
            navigation=self.navigation,
            links={entry.path for entry in self.navigation},
            environment=self.environment,
        )
        return HTMLResponse(text, status)

    def notice(self, visit: Visit, title: str, text: str, status: int = 200) -> Response:
        """Return a page with one message; when the cause is temporary, the page retries automatically."""
        again = status == HTTPStatus.SERVICE_UNAVAILABLE and visit.request.method == "GET"
        return self.render(visit, "notice.html", status, title=title, text=text, again=again)

    async def missing(self, request: Request, _: Exception) -> Response:
        """Return a page that says that the address does not exist."""
        session, is_new = self._session(request)
        visit = Visit(request, session) if session else None
        model = {"title": "Not found", "text": "This page does not exist.", "again": False}
        response = self.render(visit, "notice.html", HTTPStatus.NOT_FOUND, **model)
        return _with_cookie(response, request, session) if session and is_new else response

    async def _bounded(self, page: Page, visit: Visit) -> Response:
        # A driver may wait for its server even when cancelled; the person must not.
        task = asyncio.ensure_future(page(visit))
        await asyncio.wait({task}, timeout=_ANSWER_WITHIN_S)
        if not task.done():
            task.cancel()
            return self._problem(visit, f"No answer within {_ANSWER_WITHIN_S:g} s.")
        try:
            return task.result()
        except AthleteAllyError as error:
            self.log.warning("page-failed", path=visit.request.scope["path"], error=type(error).__name__)
            return self._problem(visit, str(error))

    def _problem(self, visit: Visit, text: str) -> Response:
        return self.notice(visit, "This can't be shown now", text, HTTPStatus.SERVICE_UNAVAILABLE)

    def _session(self, request: Request) -> tuple[Session | None, bool]:
        """Return the session of a request, and whether it is new."""
        admitted = self.authentication.admit(request.headers, address_of(request))
        session = self.sessions.find(request.cookies.get(COOKIE, ""))
        known = session is not None and self.authentication.is_welcome(session.person)
        if session is not None and known and admitted in {None, session.person}:
            setattr(request.state, SENDER_IS_KNOWN, True)
            return session, False
        if admitted is None:
            return None, False
        setattr(request.state, SENDER_IS_KNOWN, True)
        return self.sessions.begin(admitted), True

    def _log_in_first(self, request: Request) -> Response:
        if not self.authentication.has_log_in:
            return self.render(
                None, "notice.html", HTTPStatus.FORBIDDEN, title="Access denied", text=_BY_PROXY, again=False
            )
        if request.method != "GET" or request.url.path.endswith("/live"):
            return self.render(None, "log_in.html", HTTPStatus.UNAUTHORIZED, error="", to="/")
        asked_for = urlencode({"to": f"{request.url.path}?{request.url.query}".removesuffix("?")})
        return RedirectResponse(f"/log-in?{asked_for}", HTTPStatus.SEE_OTHER)


_BY_PROXY = "The console can be reached only through the proxy that authenticates you."


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form, whose size the guard has checked; a body that is not a form has none."""
    try:
        body = (await request.body()).decode()
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else ""


def _with_cookie(response: Response, request: Request, session: Session) -> Response:
    is_secure = "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "")}
    response.set_cookie(COOKIE, session.key, httponly=True, samesite="strict", secure=is_secure, path="/")
    return response


# A link to the log-in may come from anyone, and must not lead to another host after it. Browsers read a backslash as a
# slash, and skip control characters.
_OWN_PAGE = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")


def _own_page(asked_for: str) -> str:
    """Return the page of this console that was asked for before the log-in, or the first page."""
    is_own = _OWN_PAGE.fullmatch(asked_for) is not None and not asked_for.startswith(("/log-in", "/log-out"))
    return asked_for if is_own else "/"


def log_in_routes(layout: PageLayout) -> list[Route]:
    """Return the pages to log in and out with a token."""

    async def ask(request: Request) -> Response:
        return layout.render(None, "log_in.html", error="", to=_own_page(request.query_params.get("to", "")))

    async def check(request: Request) -> Response:
        address, form = address_of(request), await form_of(request)
        to = _own_page(form.get("to", ""))
        wait_s = layout.attempts.wait_s(address)
        if wait_s:
            error = f"Too many attempts: try again in {wording.span(wait_s)}."
            return layout.render(None, "log_in.html", HTTPStatus.TOO_MANY_REQUESTS, error=error, to=to)
        person = layout.authentication.check(form.get("token", "").strip())
        if person is None:
            layout.attempts.failed(address)
            layout.log.warning("log-in-failed", address=address)
            error = "This token is unknown or was revoked."
            return layout.render(None, "log_in.html", HTTPStatus.UNAUTHORIZED, error=error, to=to)
        layout.log.info("logged-in", name=person.name, role=person.role)
        response = RedirectResponse(to, HTTPStatus.SEE_OTHER)
        return _with_cookie(response, request, layout.sessions.begin(person))

    async def leave(visit: Visit) -> Response:
        layout.sessions.end(visit.session.key)
        response = RedirectResponse("/log-in", HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, path="/")
        return response

    if not layout.authentication.has_log_in:
        return []
    return [
        Route("/log-in", ask, methods=["GET"]),
        Route("/log-in", check, methods=["POST"]),
        layout.act("/log-out", leave, for_viewers=True),
    ]
