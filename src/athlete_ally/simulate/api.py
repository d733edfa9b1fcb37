"""A vendor's API that is not there: permissions, tokens that rotate, documents, limits and outages."""

import hashlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from athlete_ally.simulate.vendor_profile import ApiProfile, Asked


def _yesterday() -> date:
    return (datetime.now(UTC) - timedelta(days=1)).date()


@dataclass(slots=True)
class SimulatedApi:
    """The state of a vendor. `accounts` are given out in order to those who come to give permission.

    After the last account the first follows again, or, with `grows`, a new one that is appended.
    Access tokens live `lives_s`; a refresh token works once. `per_window` requests are answered in each `window_s`.
    Tokens are numbered from `serial` on. While `is_down` every answer is 503. The data of everybody ends with
    `last_day`, whose night is over everywhere. `clock` gives seconds.
    """

    profile: ApiProfile
    accounts: list[str]
    clock: Callable[[], float]
    lives_s: float = 3600
    per_window: int = 100_000
    window_s: float = 60
    is_down: bool = False
    last_day: date = field(default_factory=_yesterday)
    serial: int = 0
    grows: bool = False
    requests: int = 0
    refused: int = 0
    served: int = 0
    _next: int = 0
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    _enrolled: set[str] = field(default_factory=set[str])
    _access: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    _refresh: dict[str, str] = field(default_factory=dict[str, str])
    _window: tuple[float, int] = (0.0, 0)

    def app(self) -> Starlette:
        """Return the application that answers as the vendor does."""
        return Starlette(
            routes=[
                Route(self.profile.authorize_path, self._authorize),
                Route(self.profile.token_path, self._token, methods=["POST"]),
                Route("/{path:path}", self._data, methods=["GET", "POST"]),
            ]
        )

    def revoke(self, account: str) -> None:
        """Let a person take the permission back: no token of the account works any more."""
        self._access = {token: owner for token, owner in self._access.items() if owner[0] != account}
        self._refresh = {token: owner for token, owner in self._refresh.items() if owner != account}

    def expire_all(self) -> None:
        """Let every access token end now."""
        self._access.clear()

    async def _authorize(self, request: Request) -> Response:
        """Give permission at once, as the next person."""
        if self.grows and self._next == len(self.accounts):
            self.accounts.append(str(int(self.accounts[-1]) + 1))
        account = self.accounts[self._next % len(self.accounts)]
        self._next += 1
        code = self._new("code")
        self._codes[code] = (account, request.query_params.get("code_challenge", ""))
        query = urlencode({"code": code, "state": request.query_params["state"]})
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{query}", 302)

    async def _token(self, request: Request) -> Response:
        if self.is_down:
            return self._answer(503, {})
        form = dict(parse_qsl((await request.body()).decode()))
        if not self._names_itself(request, form):
            return self._answer(401, {"error": "invalid_client"})
        account = self._redeemed(form) or self._refresh.pop(form.get("refresh_token", ""), None)
        if account is None:
            return self._answer(400, {"error": "invalid_grant"})
        access = self._new("access")
        self._access[access] = (account, self.clock() + self.lives_s)
        document: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(self.lives_s),
            self.profile.account_field: self._own(account),
        }
        if self.profile.refreshes:
            document["refresh_token"] = self._new("refresh")
            self._refresh[document["refresh_token"]] = account
        return self._answer(200, document)

    def _names_itself(self, request: Request, form: dict[str, str]) -> bool:
        """Tell whether a client says who it is, in the one way that the vendor takes."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        in_header = scheme == "Basic" and b":" in b64decode(credentials)
        in_form = "client_id" in form and "client_secret" in form
        return (in_header, in_form) == (self.profile.wants_basic, not self.profile.wants_basic)

    def _redeemed(self, form: dict[str, str]) -> str | None:
        account, challenge = self._codes.pop(form.get("code", ""), (None, ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proved = urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        return account if proved or not self.profile.wants_pkce else None

    async def _data(self, request: Request) -> Response:
        self.requests += 1
        if self.is_down:
            return self._answer(503, {})
        left_s = self._spend()
        if left_s > 0:
            self.refused += 1
            return self._answer(429, {}, {"Retry-After": str(int(left_s) + 1)})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        account, ends_at_s = self._access.get(token, ("", 0.0))
        if ends_at_s <= self.clock():
            return self._answer(401, {})
        return await self._answer_to(request, account)

    async def _answer_to(self, request: Request, account: str) -> Response:
        """Answer somebody who has a token."""
        if request.url.path == self.profile.who_path:
            return self._answer(200, {self.profile.account_field: self._own(account)})
        if request.url.path == self.profile.enrol_path:
            return self._enrol(account)
        if self.profile.enrol_path is not None and account not in self._enrolled:
            return self._answer(403, {})
        form = dict(parse_qsl((await request.body()).decode()))
        document = self._document(Asked(request.url.path, account, dict(request.query_params), form, self.last_day))
        if document is None:
            return self._answer(404, {})
        self.served += 1
        return self._answer(200, document)

    def _enrol(self, account: str) -> Response:
        is_known = account in self._enrolled
        self._enrolled.add(account)
        return self._answer(409 if is_known else 200, {})

    def _document(self, asked: Asked) -> Any:
        try:
            return self.profile.document(asked)
        except ValueError:
            # A name that is none of ours.
            return None

    def _spend(self) -> float:
        """Count a request, and return how long the window still is when it was one too many."""
        started_s, used = self._window
        if self.clock() - started_s >= self.window_s:
            started_s, used = self.clock(), 0
        self._window = (started_s, used + 1)
        return started_s + self.window_s - self.clock() if used >= self.per_window else 0.0

    def _own(self, account: str) -> str | int:
        return int(account) if self.profile.number_accounts else account

    def _new(self, what: str) -> str:
        self.serial += 1
        return f"{what}-{self.serial}"

    def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> Response:
        status, document = self.profile.wrap(status, document)
        return Response(msgspec.json.encode(document), status, headers, "application/json")
