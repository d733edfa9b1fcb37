"""`/people` and `/people/{id}`: who there is, without values; and tokens for one of them."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from athlete_ally.api.access import LONGEST_TOKEN
from athlete_ally.api.answers import answer, rows_answer, shown_rows
from athlete_ally.api.cursors import cursor_of, place_of
from athlete_ally.api.parameters import text, within
from athlete_ally.api.records import text_of_cursor
from athlete_ally.api.refusal import Refusal, invalid, no_such_person
from athlete_ally.api.service import Asked, ReadService
from athlete_ally.core.people_queries import PersonSummary

MOST_PEOPLE: Final = 1000
_FEW_PEOPLE = 100
_PURPOSE = "people"
_LARGEST_BODY = 4096


class _PersonPlace(msgspec.Struct, frozen=True, array_like=True):
    """The place behind one person."""

    user_id: str


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a token is for, and for how many seconds."""

    user_id: str
    lasts_s: int = 3600


async def people(service: ReadService, asked: Asked) -> Response:
    """Answer who there is."""
    asked.reader.everybody()
    allowed = asked.reader.kinds(list(service.by_kind))
    limit = asked.parameters.one("limit", within(1, MOST_PEOPLE), _FEW_PEOPLE)
    cursor = asked.parameters.one("cursor", text_of_cursor, None)
    asked.parameters.close()
    after = "" if cursor is None else place_of(service.cipher, _PURPOSE, cursor, _PersonPlace, "cursor").user_id
    page = await service.people.page(asked.reader.key.prefix, after, limit)
    next_cursor = None if page.next is None else cursor_of(service.cipher, _PURPOSE, _PersonPlace(page.next))
    rows = [msgspec.Raw(msgspec.json.encode(_shown(asked, person, allowed))) for person in page.people]
    body = rows_answer("people", rows, next=next_cursor)
    return await answer(asked.request, body, asked.headers, shown=shown_rows(rows, page.next))


async def person(service: ReadService, asked: Asked) -> Response:
    """Answer what there is of one person."""
    allowed = asked.reader.kinds(list(service.by_kind))
    asked.parameters.close()
    found = await service.people.person(asked.reader.whole_id(text("id", asked.request.path_params["id"])))
    if found is None:
        raise no_such_person()
    return await answer(asked.request, msgspec.json.encode(_shown(asked, found, allowed)), asked.headers)


def _shown(asked: Asked, person: PersonSummary, allowed: list[str]) -> dict[str, Any]:
    """Return a person as the reader knows them: by their own id, and in the kinds that the key may read."""
    return {
        "user_id": asked.reader.own_id(person.user_id),
        "kinds": [span for span in person.kinds if span.kind in allowed],
        "connections": person.connections,
    }


async def tokens(service: ReadService, asked: Asked) -> Response:
    """Answer a new token that may read one person, for a phone or a browser."""
    asked.reader.kinds(list(service.by_kind))
    asked.parameters.close()
    if asked.reader.key.person is not None:
        detail = "this key is for one person already: a token is made with one for all"
        raise Refusal(HTTPStatus.FORBIDDEN, detail)
    wanted = _token_request(await _body(asked))
    longest_s = int(LONGEST_TOKEN.total_seconds())
    if not 60 <= wanted.lasts_s <= longest_s:  # noqa: PLR2004  # a minute
        raise invalid("lasts_s", f"60 to {longest_s} seconds are possible")
    user_id = text("user_id", wanted.user_id)
    token, ends_at = service.access.token(asked.reader, user_id, timedelta(seconds=wanted.lasts_s))
    document = {"token": token, "user_id": user_id, "ends_at": ends_at}
    headers = {**asked.headers, "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(document), HTTPStatus.CREATED, headers, "application/json")


async def _body(asked: Asked) -> bytes:
    body = bytearray()
    async for chunk in asked.request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {_LARGEST_BODY} bytes")
    return bytes(body)


def _token_request(body: bytes) -> TokenRequest:
    try:
        return msgspec.json.decode(body, type=TokenRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("body", 'JSON like {"user_id": "athlete-7", "lasts_s": 3600}') from None
