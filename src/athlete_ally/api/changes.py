"""`/changes`: the change feed, as pages that wait for something new, and as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from athlete_ally.api.cursors import cursor_of, place_of
from athlete_ally.api.parameters import within
from athlete_ally.api.records import MOST_ROWS, text_of_cursor
from athlete_ally.api.refusal import Refusal
from athlete_ally.api.service import Asked, ReadService
from athlete_ally.core.changes import BEGINNING, Change, ChangeFilter, ChangePage, Position
from athlete_ally.core.errors import Unavailable

LONGEST_WAIT_S: Final = 60
_FEW_CHANGES = 1000
_PURPOSE = "changes"
_LATEST = "latest"
# Something passes now and then, so that proxies keep the connection and a reader notices when it is gone.
_BEAT_S = 15.0
# A reader of few people is woken by the changes of all: not more often than this.
_PAUSE_S = 0.05


async def changes(service: ReadService, asked: Asked) -> Response:
    """Answer changes behind a cursor; with `wait`, as soon as there is one; as events where they are accepted."""
    wanted = _filter(service, asked)
    limit = asked.parameters.one("limit", within(1, MOST_ROWS), _FEW_CHANGES)
    wait_s = asked.parameters.one("wait", within(0, LONGEST_WAIT_S), 0)
    cursor = asked.parameters.one("after", text_of_cursor, None)
    asked.parameters.close()
    is_events = "text/event-stream" in asked.request.headers.get("accept", "").lower()
    cursor = asked.request.headers.get("last-event-id", cursor) if is_events else cursor
    position = await _position(service, cursor)
    if is_events:
        events = _events(service, asked, position, limit, wanted)
        headers = {**asked.headers, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")
    page = await _next_page(service, position, limit, wanted, float(wait_s))
    service.observer.count(service.series.changes, by=len(page.changes))
    told = [_shown(asked, change) for change in page.changes]
    body = msgspec.json.encode({"changes": told, "cursor": cursor_of(service.cipher, _PURPOSE, page.position)})
    return Response(body, HTTPStatus.OK, {**asked.headers, "Cache-Control": "no-store"}, "application/json")


def _filter(service: ReadService, asked: Asked) -> ChangeFilter:
    kinds = asked.parameters.many("kinds", tuple(service.by_kind))
    people = asked.parameters.many("people")
    for kind in kinds:
        asked.reader.require(kind)
    allowed = asked.reader.kinds(list(service.by_kind))
    key = asked.reader.key
    if key.person is not None:
        people = people or (key.person,)
    whole = tuple(asked.reader.whole_id(person) for person in people)
    return ChangeFilter(kinds or tuple(allowed), whole or None, key.prefix)


async def _position(service: ReadService, cursor: str | None) -> Position:
    if cursor is None:
        return BEGINNING
    if cursor == _LATEST:
        return await service.feed.horizon()
    return place_of(service.cipher, _PURPOSE, cursor, Position, "after")


async def _next_page(
    service: ReadService, position: Position, limit: int, wanted: ChangeFilter, wait_s: float
) -> ChangePage:
    """Return the page behind a position; an empty one only when the time is over."""
    loop = asyncio.get_running_loop()
    ends_at_s = loop.time() + wait_s
    pause_s = 0.0
    while True:
        page = await service.feed.read(position, limit, wanted)
        left_s = ends_at_s - loop.time()
        if page.changes or left_s <= pause_s or service.watch.is_closed:
            return page
        position = page.position
        await asyncio.sleep(pause_s)
        await service.watch.wait(position.place, left_s - pause_s)
        pause_s = _PAUSE_S


async def _events(
    service: ReadService, asked: Asked, position: Position, limit: int, wanted: ChangeFilter
) -> AsyncIterator[bytes]:
    """Yield server-sent events, one for each change; the last of a page carries the cursor as its id.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    yield b"retry: 1000\n\n"
    while not service.watch.is_closed and _is_still_valid(service, asked):
        try:
            page = await _next_page(service, position, limit, wanted, _BEAT_S)
        except Unavailable:
            # The reader comes back with its last id, and is answered 503 until the database is there.
            return
        position = page.position
        service.observer.count(service.series.changes, by=len(page.changes))
        yield b"".join(_event_lines(service, asked, page.changes, position)) or b": still here\n\n"


def _event_lines(service: ReadService, asked: Asked, told: Sequence[Change], position: Position) -> list[bytes]:
    lines: list[bytes] = []
    for number, change in enumerate(told, start=1):
        if number == len(told):
            lines.append(f"id: {cursor_of(service.cipher, _PURPOSE, position)}\n".encode())
        lines += [f"event: {change.type}\ndata: ".encode(), msgspec.json.encode(_shown(asked, change)), b"\n\n"]
    return lines


def _is_still_valid(service: ReadService, asked: Asked) -> bool:
    """Tell whether the key or token that opened the stream is still accepted: it may have been revoked meanwhile."""
    try:
        service.access.admit(asked.request.headers.get("authorization"))
    except Refusal:
        return False
    return True


def _shown(asked: Asked, change: Change) -> dict[str, Any]:
    """Return a change as the reader knows the person."""
    fields = msgspec.structs.asdict(change)
    fields["user_id"] = asked.reader.own_id(change.user_id)
    return {name: value for name, value in fields.items() if value is not None or name not in {"code", "device"}}
