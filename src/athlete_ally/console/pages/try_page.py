"""Try it: send a reading as a client does, and follow its progress."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from athlete_ally.console.dead_letters import OpenAuditLog, OpenLetterTools
from athlete_ally.console.examples import examples
from athlete_ally.console.layout import PageLayout, Visit
from athlete_ally.console.records import OpenRecords
from athlete_ally.console.sent_readings import Answer, Send, Sent, SentReadings
from athlete_ally.core.audit_log import AuditNote
from athlete_ally.core.messages import headers
from athlete_ally.ops.dead_letters.selection import Selection

_KIND = "hrv"
# The reading was sent just now; an older dead letter is of another one.
_RECENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class TryPages:
    """The pages that send a reading."""

    layout: PageLayout
    send: Send
    records: OpenRecords
    letter_tools: OpenLetterTools
    journal: OpenAuditLog
    now: Callable[[], datetime]
    new_run: Callable[[], str]
    sent: Sent

    def routes(self) -> list[Route]:
        """Return the routes."""
        layout = self.layout
        return [
            layout.page("/try", self._choose),
            layout.act("/try/send", self._send),
            layout.page("/try/{key}", partial(self._show, template="sent.html")),
            layout.page("/try/{key}/live", partial(self._show, template="_sent.html")),
        ]

    async def _choose(self, visit: Visit) -> Response:
        found = examples(self.now())
        key = visit.request.query_params.get("example", "fine")
        chosen = next((each for each in found if each.key == key), found[0])
        return self.layout.render(visit, "try.html", examples=found, chosen=chosen)

    async def _send(self, visit: Visit) -> Response:
        key = self.new_run()
        details = {"what": f"a reading of {_KIND}"}
        started = AuditNote(key, visit.session.person.name, "send", "started", details=details)
        await self.journal().write([started])
        answer = await self.send(_KIND, visit.form.get("body", "").encode())
        self.sent.keep(key, _KIND, answer)
        return RedirectResponse(f"/try/{key}", HTTPStatus.SEE_OTHER)

    async def _show(self, visit: Visit, *, template: str) -> Response:
        key = visit.request.path_params["key"]
        found = self.sent.find(key)
        if found is None:
            text = "The console keeps sent readings in memory and was restarted since."
            return self.layout.notice(visit, "No longer known", text, HTTPStatus.NOT_FOUND)
        sent_readings = await self._progress(*found)
        return self.layout.render(visit, template, sent_readings=sent_readings, answer=sent_readings.answer, key=key)

    async def _progress(self, kind: str, answer: Answer) -> SentReadings:
        if not answer.is_accepted:
            return SentReadings(kind, answer)
        receipts = await self.records().receipts(answer.message_id)
        receipt = receipts[-1] if receipts else None
        letter = await self._letter(answer.message_id) if receipt and receipt["dead_lettered"] else None
        return SentReadings(kind, answer, receipt, letter)

    async def _letter(self, message_id: str) -> int | None:
        async with aclosing(self.letter_tools().reader.read(Selection(kind=_KIND, newer_than=_RECENT))) as found:
            async for each in found:
                if each.letter.headers.get(headers.ORIGINAL_MSG_ID) == message_id:
                    return each.letter.sequence
        return None
