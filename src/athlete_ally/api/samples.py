"""`/people/{id}/samples/{code}`: the points of a time series, raw or in buckets."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from athlete_ally.api.answers import answer, rows_answer, shown_rows
from athlete_ally.api.cursors import cursor_of, place_of
from athlete_ally.api.parameters import instant, not_before, one_of, text, time_zone, within
from athlete_ally.api.records import text_of_cursor
from athlete_ally.api.refusal import Refusal, no_such_person
from athlete_ally.api.service import Asked, ReadService
from athlete_ally.core.sample_queries import RESOLUTIONS, Aggregate, SamplePlace, SampleQuery
from athlete_ally.measurements.samples import SORTS

MOST_ROWS: Final = 10_000
_FEW_ROWS = 1000
_DAY = timedelta(days=1)


async def samples_of_person(service: ReadService, asked: Asked) -> Response:
    """Answer points or buckets of one person and code, oldest first; without a range those of the last day."""
    user_id = asked.reader.whole_id(text("id", asked.request.path_params["id"]))
    code = asked.request.path_params["code"]
    if code not in SORTS:
        detail = f"there is no code {code[:32]!r}; there are {', '.join(SORTS)}"
        raise Refusal(HTTPStatus.NOT_FOUND, detail, parameter="code")
    asked.reader.require("samples")
    query = _query(service, asked, user_id, code)
    limit = asked.parameters.one("limit", within(1, MOST_ROWS), _FEW_ROWS)
    cursor = asked.parameters.one("cursor", text_of_cursor, None)
    asked.parameters.close()
    purpose = f"samples:{code}:{user_id}:{query.resolution}:{query.time_zone}"
    after = None if cursor is None else place_of(service.cipher, purpose, cursor, SamplePlace, "cursor")
    page = await service.samples.page(query, after, limit)
    if not page.rows and await service.people.person(user_id) is None:
        raise no_such_person()
    next_cursor = None if page.next is None else cursor_of(service.cipher, purpose, page.next)
    about = {"code": code, "unit": SORTS[code].unit, "resolution": query.resolution, "time_zone": query.time_zone}
    if query.resolution != "raw":
        about["aggregate"] = query.aggregate
    body = rows_answer("samples", page.rows, next=next_cursor, **about)
    return await answer(asked.request, body, asked.headers, shown=shown_rows(page.rows, page.next, about))


def _query(service: ReadService, asked: Asked, user_id: str, code: str) -> SampleQuery:
    parameters = asked.parameters
    end = parameters.one("to", instant, service.now())
    begin = parameters.one("from", instant, end - _DAY)
    not_before("to", begin, end)
    return SampleQuery(
        user_id=user_id,
        code=code,
        aggregate=aggregate_of(code),
        from_instant=begin,
        to_instant=end,
        resolution=parameters.one("resolution", one_of(RESOLUTIONS), "raw"),  # pyright: ignore[reportArgumentType]  # one of its words
        time_zone=parameters.one("time_zone", time_zone, "UTC"),
        sources=parameters.many("source"),
        devices=parameters.many("device"),
    )


def aggregate_of(code: str) -> Aggregate:
    """Return how points of a code add up: amounts (steps, metres, kilocalories) to a sum, all others to a mean."""
    return "sum" if SORTS[code].adds_up else "mean"  # pyright: ignore[reportArgumentType]  # the caller knows it
