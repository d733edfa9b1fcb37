"""`/connect/{vendor}`: a person's browser goes to the vendor, and comes back with a permission."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from athlete_ally.core.errors import Later, Refused, Unavailable, Withdrawn
from athlete_ally.core.http_limits import SENDER_IS_KNOWN
from athlete_ally.core.ports import Log, Observer
from athlete_ally.core.series import FetchSeries
from athlete_ally.core.vendor.api import VendorApi
from athlete_ally.core.vendor.grant import Granted, TokenStore

TICKET: Final = "link"
TICKET_LIVES_S: Final = 24 * 3600
_STATE: Final = "state"
# Reading a consent page and logging in at the vendor takes minutes.
_STATE_LIVES_S = 900
_COOKIE = "aa_connect"
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Cipher(Protocol):
    """Encrypts small documents that travel through browsers."""

    def encrypt(self, purpose: str, fields: dict[str, Any]) -> str:
        """Return the fields, encrypted."""
        ...

    def decrypt(self, purpose: str, encrypted: str, *, lives_s: int) -> dict[str, Any]:
        """Return the fields; raises `Refused` for a document that is not ours, or too old."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectService:
    """What the routes need. `apis` holds the vendors at which our application is known: all others are closed."""

    apis: Mapping[str, VendorApi]
    token_store: TokenStore
    cipher: Cipher
    base_url: str
    nonce: Callable[[], str]
    observer: Observer
    series: FetchSeries
    log: Log

    async def start(self, request: Request) -> Response:
        """Send the browser to the vendor. Only who has a link that an operator made gets this far."""
        return await self._answer(request, self._start)

    async def finish(self, request: Request) -> Response:
        """Take the vendor's code, and keep what it is worth."""
        return await self._answer(request, self._finish)

    async def _answer(self, request: Request, step: Any) -> Response:
        vendor = request.path_params["vendor"]
        if vendor not in self.apis:
            return _page("There is nothing to connect here.", HTTPStatus.NOT_FOUND)
        try:
            return await step(vendor, request)
        except (Refused, Withdrawn) as error:
            outcome, text, status = "refused", str(error), HTTPStatus.FORBIDDEN
        except (Later, Unavailable) as error:
            outcome, text, status = "unavailable", str(error), HTTPStatus.SERVICE_UNAVAILABLE
        self.observer.count(self.series.connects, vendor, outcome)
        self.log.warning("connect-failed", vendor=vendor, outcome=outcome, error=text)
        return _page(f"Not connected: {text}.", status)

    async def _start(self, vendor: str, request: Request) -> Response:
        ticket = self.cipher.decrypt(TICKET, request.query_params.get("ticket", ""), lives_s=TICKET_LIVES_S)
        setattr(request.state, SENDER_IS_KNOWN, True)
        await self._check(vendor, ticket)
        nonce = self.nonce()
        state = self.cipher.encrypt(_STATE, {**ticket, "nonce": nonce})
        # The nonce is the verifier too: as long, as random, and with nobody but this browser and us.
        url = self.apis[vendor].authorize_url(state=state, redirect_url=self._redirect_url(vendor), verifier=nonce)
        response = RedirectResponse(url, HTTPStatus.SEE_OTHER, _HEADERS)
        # Lax: the vendor leads back here by a plain navigation, which is to carry it.
        response.set_cookie(
            _COOKIE,
            nonce,
            max_age=_STATE_LIVES_S,
            path="/connect",
            httponly=True,
            samesite="lax",
            secure=self.base_url.startswith("https"),
        )
        return response

    async def _finish(self, vendor: str, request: Request) -> Response:
        state = self.cipher.decrypt(_STATE, request.query_params.get("state", ""), lives_s=_STATE_LIVES_S)
        setattr(request.state, SENDER_IS_KNOWN, True)
        nonce = str(state.get("nonce", ""))
        # The browser that comes back is the one that left: nobody can make another's browser finish what they began.
        if not hmac.compare_digest(nonce.encode(), request.cookies.get(_COOKIE, "").encode()):
            raise Refused("this browser did not begin here: open the link again")
        await self._check(vendor, state)
        if "code" not in request.query_params:
            raise Refused("the permission was not given at the vendor")
        account, tokens, scopes = await self.apis[vendor].redeem(
            request.query_params["code"], redirect_url=self._redirect_url(vendor), verifier=nonce
        )
        granted = Granted(vendor, account, state["user_id"], tokens, scopes)
        grant = await self.token_store.keep(granted, link_made_at=_made_at(state))
        self.observer.count(self.series.connects, vendor, "connected")
        self.log.info("connected", vendor=vendor, grant=grant.id)
        response = _page("Connected. You can close this page.", HTTPStatus.OK)
        response.delete_cookie(_COOKIE, path="/connect")
        return response

    async def _check(self, vendor: str, ticket: Mapping[str, Any]) -> None:
        """A link is for one vendor, and works until somebody connected with it; `keep` decides, this tells early."""
        if ticket.get("vendor") != vendor:
            raise Refused("this link is for another vendor")
        grant = await self.token_store.of_user(vendor, str(ticket.get("user_id", "")))
        if grant is not None and grant.granted_at >= _made_at(ticket):
            raise Refused("this link was used already: ask for a new one")

    def _redirect_url(self, vendor: str) -> str:
        return f"{self.base_url}/connect/{vendor}/callback"


def connect_routes(service: ConnectService) -> list[BaseRoute]:
    """Return the routes of connecting."""
    return [Route("/connect/{vendor}", service.start), Route("/connect/{vendor}/callback", service.finish)]


def link(cipher: Cipher, base_url: str, vendor: str, user_id: str, made_at: datetime) -> str:
    """Return the address with which one person connects one account, within a day and once."""
    ticket = cipher.encrypt(TICKET, {"vendor": vendor, "user_id": user_id, "made_at": made_at.isoformat()})
    return f"{base_url}/connect/{vendor}?ticket={ticket}"


def _made_at(ticket: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(ticket.get("made_at")))


def _page(text: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(text + "\n", status, _HEADERS)
