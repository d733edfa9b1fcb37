"""Speaking with a vendor's API over HTTP; oauthlib makes and reads what OAuth 2 prescribes, and sends nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

from athlete_ally.core.errors import InvalidMessage, Later, Refused, Withdrawn
from athlete_ally.core.vendor.api import Answered, Api, field_of
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.grant import Tokens

# Long enough for a slow vendor, short enough to be over well within ack_wait.
TIMEOUT_S = 10.0
# Where a vendor does not say how long, its shortest documented answer: an hour would be WHOOP's and Oura's day.
_LIVES_S = 3600.0
_LATER_S = 30.0
_LONGEST_WAIT_S = 3600.0
_JSON = {"Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the vendor knows our application by. `base_url` sends everything there: a simulator stands in."""

    client_id: str
    client_secret: str = field(repr=False)
    base_url: str | None = None


class HttpVendorApi:
    """The `VendorApi` port."""

    def __init__(
        self, api: Api, credentials: Credentials, client: httpx.AsyncClient, *, now: Callable[[], datetime]
    ) -> None:
        """Send with this client, which is shared by all vendors."""
        self._api, self._credentials, self._http, self._now = api, credentials, client, now
        self._oauth: Any = WebApplicationClient(credentials.client_id)

    def authorize_url(self, *, state: str, redirect_url: str, verifier: str) -> str:
        """See the port."""
        oauth = self._api.oauth
        extra = dict(oauth.asks)
        if oauth.pkce:
            made = self._oauth.create_code_challenge(verifier, "S256")
            extra |= {"code_challenge": made, "code_challenge_method": "S256"}
        scope = oauth.separator.join(oauth.scopes)
        url = self._oauth.prepare_request_uri(
            oauth.authorize_url, redirect_uri=redirect_url, scope=scope, state=state, **extra
        )
        return self._redirected(str(url))

    async def redeem(self, code: str, *, redirect_url: str, verifier: str) -> tuple[str, Tokens, tuple[str, ...]]:
        """See the port."""
        body = self._oauth.prepare_request_body(
            code=code,
            redirect_uri=redirect_url,
            code_verifier=verifier if self._api.oauth.pkce else None,
            include_client_id=False,
        )
        document, tokens = await self._tokens(body)
        granted = _scopes(document) or self._api.oauth.scopes
        oauth = self._api.oauth
        try:
            if oauth.who is not None:
                answer = await self.get(oauth.who, tokens.access)
                if answer.outcome != "ok":
                    raise Later(f"the vendor does not say whose account it is ({answer.outcome})", _LATER_S)
                document = answer.body
            account = field_of(document, oauth.account_field)
        except InvalidMessage as error:
            raise Later(f"the vendor does not say whose account it is ({error})", _LATER_S) from error
        if oauth.enrol is not None:
            await self._enrol(oauth.enrol(account), tokens)
        return account, tokens, granted

    async def _enrol(self, call: Call, tokens: Tokens) -> None:
        answer = await self.get(call, tokens.access)
        if answer.outcome in {"limited", "later"}:
            raise Later("the vendor can't take a person on now", answer.wait_s or _LATER_S)
        if answer.outcome != "ok":
            raise Refused("the vendor does not take this person on: look there for consents that are missing")

    async def exchange(self, tokens: Tokens) -> Tokens:
        """See the port."""
        if tokens.refresh is None:
            raise Withdrawn("there is no refresh token")
        body = self._oauth.prepare_refresh_body(refresh_token=tokens.refresh)
        _, renewed = await self._tokens(body)
        # A vendor that sends no new one lets the old one live on (RFC 6749, section 6).
        return Tokens(renewed.access, renewed.refresh or tokens.refresh, renewed.expires_at)

    async def get(self, call: Call, access_token: str) -> Answered:
        """See the port."""
        url = self._redirected(self._api.base_url + call.path)
        headers = {"Authorization": f"Bearer {access_token}", **_JSON}
        try:
            response = await self._http.request(
                "GET" if call.form is None and call.json is None else "POST",
                url,
                params=dict(call.query) or None,
                data=None if call.form is None else dict(call.form),
                json=None if call.json is None else dict(call.json),
                headers=headers,
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError:
            return Answered("later")
        outcome = self._api.outcome_of(response.status_code, response.content)
        return Answered(outcome, response.content, self._wait_s(response))

    async def _tokens(self, body: str) -> tuple[bytes, Tokens]:
        """Return the standard's document and the tokens in it."""
        oauth = self._api.oauth
        ours = self._credentials
        form = {**dict(parse_qsl(body)), **oauth.extra}
        auth = httpx.Auth()
        if oauth.client_by == "basic":
            auth = httpx.BasicAuth(ours.client_id, ours.client_secret)
        else:
            form |= {"client_id": ours.client_id, "client_secret": ours.client_secret}
        url = self._redirected(oauth.token_url)
        try:
            response = await self._http.post(url, data=form, auth=auth, headers=_JSON, timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            raise Later(f"the vendor can't be reached: {type(error).__name__}", _LATER_S) from error
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            raise Later(f"the vendor answers {response.status_code}", self._wait_s(response) or _LATER_S)
        try:
            document = oauth.unwrap(response.content)
            # One client for each answer: it remembers what it read.
            client: Any = WebApplicationClient(self._credentials.client_id)
            read: dict[str, Any] = client.parse_request_body_response(document.decode())
            lives_s = float(read.get("expires_in") or _LIVES_S)
        except InvalidGrantError as error:
            raise Withdrawn("the vendor does not take the code or refresh token any more") from error
        except (OAuth2Error, InvalidMessage, ValueError, Warning) as error:
            raise Later(f"the vendor's answer can't be used: {type(error).__name__}", _LATER_S) from error
        return document, Tokens(
            str(read["access_token"]),
            str(read["refresh_token"]) if read.get("refresh_token") else None,
            self._now() + timedelta(seconds=lives_s),
        )

    def _wait_s(self, response: httpx.Response) -> float | None:
        """Return how long the vendor asks to wait, bounded."""
        if response.is_success:
            return None
        wait_s = self._api.wait_s(response.headers, self._now().timestamp())
        return None if wait_s is None else min(wait_s, _LONGEST_WAIT_S)

    def _redirected(self, url: str) -> str:
        if self._credentials.base_url is None:
            return url
        there = urlsplit(self._credentials.base_url)
        return urlunsplit(urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc))


def _scopes(document: bytes) -> tuple[str, ...]:
    """Return what a person granted, which may be less than was asked for; nothing where the vendor does not say."""
    try:
        return tuple(field_of(document, "scope").replace(",", " ").split())
    except InvalidMessage:
        return ()
