"""`/people/{id}/records/{kind}` and `/records/{kind}`: records by page, or all of them as a stream."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

from starlette.responses import Response, StreamingResponse

from athlete_ally.api.answers import answer, rows_answer, shown_rows
from athlete_ally.api.cursors import cursor_of, place_of
from athlete_ally.api.parameters import day, flag, instant, not_before, one_of, text, within
from athlete_ally.api.refusal import Refusal, invalid, no_such_person
from athlete_ally.api.service import Asked, ReadService
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.core.record_queries import RecordPlace, RecordQuery, StreamForm

MOST_ROWS: Final = 10_000
FEW_ROWS: Final = 100
_PURPOSE = "records"
_STREAMS: dict[str, StreamForm] = {"application/x-ndjson": "ndjson", "text/csv": "csv"}


async def records_of_person(service: ReadService, asked: Asked) -> Response:
    """Answer the records of one person."""
    user_id = text("id", asked.request.path_params["id"])
    measurement = _kind(service, asked)
    return await _records(service, asked, measurement, asked.reader.whole_id(user_id))


async def records_of_all(service: ReadService, asked: Asked) -> Response:
    """Answer the records of all people whom the key may see."""
    asked.reader.everybody()
    return await _records(service, asked, _kind(service, asked), None)


def _kind(service: ReadService, asked: Asked) -> Measurement:
    kind = asked.request.path_params["kind"]
    measurement = service.by_kind.get(kind)
    if measurement is None or issubclass(measurement.record_type, SampleBatch):
        known = ", ".join(each for each, it in service.by_kind.items() if not issubclass(it.record_type, SampleBatch))
        detail = f"there are no records of kind {kind[:32]!r}; there are {known}; points are at /people/ID/samples/CODE"
        raise Refusal(HTTPStatus.NOT_FOUND, detail, parameter="kind")
    asked.reader.require(kind)
    return measurement


async def _records(service: ReadService, asked: Asked, measurement: Measurement, user_id: str | None) -> Response:
    parameters = asked.parameters
    query = _query(asked, measurement, user_id)
    limit = parameters.one("limit", within(1, MOST_ROWS), FEW_ROWS)
    cursor = parameters.one("cursor", text_of_cursor, None)
    wants_estimate = parameters.one("estimate", flag, default=False)
    parameters.close()
    form = _stream_form(asked)
    if form is not None:
        if cursor is not None:
            raise invalid("cursor", "a stream has all rows: leave the cursor out, or ask for application/json")
        return await _stream(service, asked, measurement, query, form)
    purpose = f"{_PURPOSE}:{measurement.kind}:{asked.request.path_params.get('id', '')}:{query.newest_first}"
    after = None if cursor is None else place_of(service.cipher, purpose, cursor, RecordPlace, "cursor")
    page = await service.records.page(measurement, query, after, limit)
    if not page.rows and user_id is not None and await service.people.person(user_id) is None:
        raise no_such_person()
    next_cursor = None if page.next is None else cursor_of(service.cipher, purpose, page.next)
    more: dict[str, object] = {"next": next_cursor}
    if wants_estimate:
        more["estimate"] = await service.records.estimate(measurement, query)
    headers = dict(asked.headers)
    if next_cursor is not None:
        next_url = asked.request.url.include_query_params(cursor=next_cursor)
        # A path only: the host is what the request says of itself.
        headers["Link"] = f'<{next_url.path}?{next_url.query}>; rel="next"'
    shown = shown_rows(page.rows, page.next, more.get("estimate"))
    return await answer(asked.request, rows_answer("records", page.rows, **more), headers, shown=shown)


def text_of_cursor(name: str, value: str) -> str | None:
    """Return a cursor as it came."""
    if not value.isascii() or len(value) > 4000:  # noqa: PLR2004  # several times the longest of ours
        raise invalid(name, "not a cursor of this list: begin without one")
    return value


def _query(asked: Asked, measurement: Measurement, user_id: str | None) -> RecordQuery:
    parameters = asked.parameters
    bulky = tuple(sorted(measurement.bulky))
    query = RecordQuery(
        user_id=user_id,
        prefix=asked.reader.key.prefix,
        first_day=parameters.one("first_day", day, None),
        last_day=parameters.one("last_day", day, None),
        from_instant=parameters.one("from", instant, None),
        to_instant=parameters.one("to", instant, None),
        sources=parameters.many("source"),
        contexts=parameters.many("context"),
        devices=parameters.many("device"),
        flags=parameters.many("flag"),
        newest_first=parameters.one("order", one_of(("newest", "oldest")), "newest") == "newest",
        lineage=parameters.one("lineage", flag, default=False),
        include=frozenset(parameters.many("include", bulky)),
    )
    if query.first_day is not None and query.last_day is not None:
        not_before("last_day", query.first_day, query.last_day)
    if query.from_instant is not None and query.to_instant is not None:
        not_before("to", query.from_instant, query.to_instant)
    return query


def _stream_form(asked: Asked) -> StreamForm | None:
    accepted = asked.request.headers.get("accept", "").lower()
    return next((form for media, form in _STREAMS.items() if media in accepted), None)


async def _stream(
    service: ReadService, asked: Asked, measurement: Measurement, query: RecordQuery, form: StreamForm
) -> Response:
    chunks = service.records.stream(measurement, query, form)
    # The first chunk before the status: a refusal of the database is a 503, not a stream that breaks off.
    first = await anext(chunks, b"")

    async def rest() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    media = next(media for media, each in _STREAMS.items() if each == form)
    return StreamingResponse(rest(), headers=asked.headers, media_type=media)
