"""The way in for vendors: handshake, or verify, keep, and answer in the vendor's own terms."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from athlete_ally.core.http_limits import SENDER_IS_KNOWN
from athlete_ally.core.messages.trace import log_fields
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.series import WebhookSeries
from athlete_ally.core.vendor import signature
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Unverified, is_secret, verify
from athlete_ally.ingest.admission import WebhookShares
from athlete_ally.ingest.refusal import Refusal
from athlete_ally.ingest.request_body import cut_off, discard_rest, receive, receive_from_stranger, stopping
from athlete_ally.ingest.store_webhook import WebhookKeeper

PATHS: Final = ("/webhooks/{vendor}", "/webhooks/{vendor}/{secret}")
"""Where vendors deliver; the longer one is for vendors whose address is the secret."""

_NO_SECRETS = Secrets()
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class WebhookService:
    """What the routes need. `secrets` holds those of the vendors that have some: all other routes are closed."""

    vendors: Mapping[str, Vendor]
    secrets: Mapping[str, Secrets]
    keeper: WebhookKeeper
    shares: WebhookShares
    max_body_bytes: int
    observer: Observer
    series: WebhookSeries
    now: Now
    log: Log

    async def take(self, request: Request) -> Response:
        """Answer a request of a vendor's; every path through here is counted."""
        name = request.path_params["vendor"]
        label = name if name in self.vendors else _UNKNOWN
        response = await self._answer(name, label, request)
        self.observer.count(self.series.requests, label, str(response.status_code))
        return response

    async def _answer(self, name: str, label: str, request: Request) -> Response:
        try:
            return _response(await self._take(name, request))
        except Unverified as error:
            self.observer.count(self.series.unverified, label, error.cause)
            self.log.warning("webhook-unverified", vendor=label, cause=error.cause, **log_fields(request.headers))
            return Refusal(HTTPStatus.UNAUTHORIZED, str(error)).response()
        except Refusal as refusal:
            await discard_rest(request, self.max_body_bytes)
            status = refusal.status.value
            self.log.info("webhook-refused", vendor=label, status=status, **log_fields(request.headers))
            response = refusal.response()
            if refusal.status is HTTPStatus.METHOD_NOT_ALLOWED:
                response.headers["Allow"] = "POST"
            return response
        except ClientDisconnect:
            return cut_off(request).response()
        except asyncio.CancelledError:
            # Only the server cancels a request, when it stops and the time for those in progress is over.
            return stopping().response()

    async def _take(self, name: str, request: Request) -> Answer:
        vendor = self.vendors.get(name)
        if vendor is None:
            raise _closed(name)
        received_at = self.now()
        secrets = self.secrets.get(name, _NO_SECRETS)
        # As it was sent, whatever its encoding: that is what was signed, and that is what is kept.
        plain = _plain(request, await self._arrived(vendor, secrets, request))
        answer = vendor.handshake(plain, secrets)
        if answer is not None:
            self.log.info("webhook-handshake", vendor=name, status=answer.status, **log_fields(plain.headers))
            return _if_it_fits(answer)
        if not secrets.signing:
            raise _closed(name)
        if request.method != "POST":
            detail = f"{request.method} is not possible here: {vendor.title} delivers by POST"
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, detail)
        verify(vendor.signature, plain, secrets.signing, received_at)
        setattr(request.state, SENDER_IS_KNOWN, True)
        with self.shares.of(name).verified.enter() as ticket:
            ticket.hold(len(plain.body))
            duplicate = await self.keeper.keep(vendor, plain, received_at)
        self.observer.count(self.series.duplicates if duplicate else self.series.accepted, name)
        return vendor.accepted

    async def _arrived(self, vendor: Vendor, secrets: Secrets, request: Request) -> bytes:
        """Return the body. A sender that knows the secret before it is read gives way to nobody, and may send more."""
        share = self.shares.of(vendor.name)
        if is_secret(request.path_params.get("secret", ""), secrets.signing):
            setattr(request.state, SENDER_IS_KNOWN, True)
            limit = max(self.max_body_bytes, vendor.largest_body_bytes or 0)
            with share.verified.enter() as ticket:
                return await receive(request, encoding="", limit=limit, hold=ticket.hold)
        with share.arriving.enter() as ticket:
            return await receive_from_stranger(request, limit=self.max_body_bytes, ticket=ticket)


def webhook_routes(service: WebhookService) -> list[BaseRoute]:
    """Return the routes."""
    return [Route(path, service.take, methods=["GET", "POST"]) for path in PATHS]


def _plain(request: Request, body: bytes) -> signature.Request:
    """Return the request as pure code knows it. The server has refused repeated headers that decide something."""
    return signature.Request(
        method=request.method,
        query=dict(request.query_params),
        headers=dict(reversed(request.headers.items())),
        body=body,
        path_secret=request.path_params.get("secret", ""),
    )


def _closed(name: str) -> Refusal:
    # The same words, whether the vendor is unknown or has no secret: a stranger learns nothing.
    detail = f"no webhooks are taken for {name[:32]!r}: its secret is not set, or there is no such vendor"
    return Refusal(HTTPStatus.NOT_FOUND, detail)


def _if_it_fits(answer: Answer) -> Answer:
    if answer.status >= HTTPStatus.BAD_REQUEST:
        detail = "the handshake's code or address is not the one that is configured"
        raise Refusal(HTTPStatus(answer.status), detail)
    return answer


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media_type)
