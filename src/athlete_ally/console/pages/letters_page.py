"""The pages of single dead letters and of the journal."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from athlete_ally.console import wording
from athlete_ally.console.dead_letters import OpenAuditLog, OpenLetterTools, note_reveal
from athlete_ally.console.layout import PageLayout, Visit
from athlete_ally.core.broker.topology import MAX_SEQUENCE
from athlete_ally.ops.dead_letters.diagnosis import differences
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.masking import ShownBody, masked_body, revealed_body

_LINES_OF_JOURNAL = 200
_MOST_LINES = 100


def letter_routes(
    layout: PageLayout,
    letter_tools: OpenLetterTools,
    journal: OpenAuditLog,
    now: Callable[[], datetime],
    new_run: Callable[[], str],
) -> list[Route]:
    """Return the routes."""

    async def letter(visit: Visit) -> Response:
        return await show(visit, reveal=False)

    async def reveal(visit: Visit) -> Response:
        return await show(visit, reveal=True)

    async def download(visit: Visit) -> Response:
        sequence = _sequence(visit)
        found = await letter_tools().reader.one(sequence)
        if found is None:
            return missing(visit, sequence)
        await note_reveal(journal(), new_run(), visit.session.person.name, found.letter.identity, sequence)
        # Never as a page: whatever a sender wrote is a file.
        named = {"Content-Disposition": f'attachment; filename="dead-letter-{sequence}.bin"'}
        return Response(found.letter.body, headers=named, media_type="application/octet-stream")

    def missing(visit: Visit, sequence: int) -> Response:
        text = f"There is no dead letter {sequence} in AA_DLQ: it passed a replay, or was set aside."
        return layout.notice(visit, "No such dead letter", text, HTTPStatus.NOT_FOUND)

    async def show(visit: Visit, *, reveal: bool) -> Response:
        tools = letter_tools()
        sequence = _sequence(visit)
        found: LetterState | None = await tools.reader.one(sequence)
        if found is None:
            return missing(visit, sequence)
        if reveal:
            await note_reveal(journal(), new_run(), visit.session.person.name, found.letter.identity, sequence)
        prediction = await tools.predictor.predict(found)
        body = found.letter.body
        shown = revealed_body(body) if reveal else ShownBody(masked_body(body), is_whole=True)
        return layout.render(
            visit,
            "letter.html",
            letter_state=found,
            letter=found.letter,
            prediction=prediction,
            differences=differences(found, prediction.rejected, reveal=reveal),
            body=shown.text,
            is_whole=shown.is_whole,
            most_lines=_MOST_LINES,
            is_revealed=reveal,
            no_history=tools.no_history,
            age=wording.ago(found.letter.dead_since, now()),
        )

    async def lines(visit: Visit) -> Response:
        run = visit.request.query_params.get("run") or None
        entries = await journal().read(run=run, acts_only=run is None, limit=_LINES_OF_JOURNAL)
        return layout.render(visit, "journal.html", entries=entries, run=run)

    return [
        layout.page("/letters/journal", lines),
        layout.page("/letters/{sequence}", letter),
        layout.act("/letters/{sequence}/reveal", reveal),
        layout.act("/letters/{sequence}/download", download),
    ]


def _sequence(visit: Visit) -> int:
    """Return the sequence in the path. Starlette's converter fails on thousands of digits."""
    text = visit.request.path_params["sequence"]
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEQUENCE))):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return int(text)
