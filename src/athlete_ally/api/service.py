"""What the routes need, and what all of them do: who asks, how often, and how a refusal is answered."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from athlete_ally.api.access import Access, Cipher, Reader
from athlete_ally.api.changes_watch import ChangesWatch
from athlete_ally.api.limits import Limits
from athlete_ally.api.parameters import Parameters
from athlete_ally.api.refusal import Refusal
from athlete_ally.core.changes import ChangeFeed
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.http_limits import SENDER_IS_KNOWN
from athlete_ally.core.people_queries import PeopleReader
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.record_queries import RecordReader
from athlete_ally.core.sample_queries import SampleReader
from athlete_ally.core.series import ApiSeries

_RETRY_AFTER_S = 2


@dataclass(frozen=True)
class ReadService:
    """The readers of the database, and the rules for those who ask."""

    measurements: Sequence[Measurement]
    people: PeopleReader
    records: RecordReader
    samples: SampleReader
    feed: ChangeFeed
    watch: ChangesWatch
    access: Access
    cipher: Cipher
    limits: Limits
    observer: Observer
    series: ApiSeries
    now: Now
    log: Log

    @cached_property
    def by_kind(self) -> dict[str, Measurement]:
        """Return the kinds by name."""
        return {measurement.kind: measurement for measurement in self.measurements}


@dataclass(frozen=True, slots=True)
class Asked:
    """One admitted request: who asks, the parameters, and the headers that its answer carries."""

    request: Request
    reader: Reader
    parameters: Parameters
    headers: dict[str, str]


Endpoint = Callable[[ReadService, Asked], Awaitable[Response]]


def endpoint(service: ReadService, name: str, act: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Return the route's function: admit, count, act, and answer refusals and outages as problem documents."""

    async def respond(request: Request) -> Response:
        started = service.now()
        try:
            response = await _admitted(service, act, request)
        except Refusal as refusal:
            response = refusal.response()
        except Unavailable as error:
            service.log.warning("unavailable", route=name, error=str(error))
            detail = "the database does not answer in time: ask again, for less at once if it goes on"
            refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=_RETRY_AFTER_S)
            response = refusal.response()
        service.observer.count(service.series.requests, name, str(response.status_code))
        passed_s = (service.now() - started).total_seconds()
        service.observer.observe(service.series.request_seconds, name, value=passed_s)
        return response

    return respond


async def _admitted(service: ReadService, act: Endpoint, request: Request) -> Response:
    reader = service.access.admit(request.headers.get("authorization"))
    setattr(request.state, SENDER_IS_KNOWN, True)
    headers = service.limits.spend(reader.name, reader.key.requests_per_minute)
    asked = Asked(request, reader, Parameters(request.query_params.multi_items()), headers)
    try:
        with ExitStack() as held:
            held.enter_context(service.limits.enter(reader.name))
            response = await act(service, asked)
            return _Held(response, held.pop_all())
    except Refusal as refusal:
        response = refusal.response()
        response.headers.update(headers)
        return response


class _Held(Response):
    """An answer that counts as in progress until the last byte of it is sent, or the reader is gone."""

    def __init__(self, response: Response, held: ExitStack) -> None:
        self._response, self._held = response, held
        self.status_code = response.status_code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await self._response(scope, receive, send)
