"""Dead letters: groups, letters, why they fail today, and the journal."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from starlette.responses import Response
from starlette.routing import Route

from athlete_ally.console import wording
from athlete_ally.console.charts import bars
from athlete_ally.console.office import OpenJournal, OpenOffice, all_groups, note_reveal, one_group
from athlete_ally.console.replays import Replays
from athlete_ally.console.shell import Shell, Visit
from athlete_ally.ops.diagnosis import differences
from athlete_ally.ops.grouping import Group
from athlete_ally.ops.masking import masked_body, pretty_body
from athlete_ally.ops.standing import Standing

_SPARK = (120.0, 24.0)
_LINES_OF_JOURNAL = 200


def letter_routes(
    shell: Shell,
    office: OpenOffice,
    replays: Replays,
    journal: OpenJournal,
    now: Callable[[], datetime],
    new_run: Callable[[], str],
) -> list[Route]:
    """Return the pages on which letters are looked at."""

    async def groups(visit: Visit) -> Response:
        desk = office()
        found = await all_groups(desk, now())
        unfinished = [] if desk.no_history else await replays.unfinished()
        shown = [(group, _trend(group)) for group in found.largest()]
        return shell.render(
            visit, "letters.html", groups=found, shown=shown, unfinished=unfinished, no_history=desk.no_history
        )

    async def group(visit: Visit) -> Response:
        desk = office()
        found = await one_group(desk, visit.request.path_params["fingerprint"], now())
        if found is None:
            text = "No letter is left in this group: they came through, or were put aside."
            return shell.notice(visit, "This group is empty", text, HTTPStatus.NOT_FOUND)
        return shell.render(
            visit, "letter_group.html", group=found.group, letters=found.letters, no_history=desk.no_history
        )

    async def letter(visit: Visit) -> Response:
        return await show(visit, reveal=False)

    async def reveal(visit: Visit) -> Response:
        return await show(visit, reveal=True)

    async def show(visit: Visit, *, reveal: bool) -> Response:
        desk = office()
        sequence = int(visit.request.path_params["sequence"])
        found: Standing | None = await desk.desk.one(sequence)
        if found is None:
            text = f"There is no dead letter {sequence} in AA_DLQ: it came through, or was put aside."
            return shell.notice(visit, "No such letter", text, HTTPStatus.NOT_FOUND)
        if reveal:
            await note_reveal(journal(), new_run(), visit.session.person.name, found.letter.identity, sequence)
        prediction = await desk.rehearsals.predict(found)
        return shell.render(
            visit,
            "letter.html",
            standing=found,
            letter=found.letter,
            prediction=prediction,
            differences=differences(found, prediction.rejected, reveal=reveal),
            body=pretty_body(found.letter.body) if reveal else masked_body(found.letter.body),
            is_revealed=reveal,
            no_history=desk.no_history,
            age=wording.ago(found.letter.dead_since, now()),
        )

    async def lines(visit: Visit) -> Response:
        run = visit.request.query_params.get("run") or None
        entries = await journal().read(run=run, acts_only=run is None, limit=_LINES_OF_JOURNAL)
        return shell.render(visit, "journal.html", entries=entries, run=run)

    return [
        shell.page("/letters", groups),
        shell.page("/letters/groups/{fingerprint:path}", group),
        shell.page("/letters/journal", lines),
        shell.page("/letters/{sequence:int}", letter),
        shell.act("/letters/{sequence:int}/reveal", reveal),
    ]


def _trend(group: Group) -> list[object]:
    width, height = _SPARK
    return list(bars(group.by_hour, width=width, height=height))
