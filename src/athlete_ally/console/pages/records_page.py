"""The records of one person, looked up by exact id, and the lineage of each row."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from athlete_ally.console.charts import Bar, bars
from athlete_ally.console.dead_letters import OpenAuditLog
from athlete_ally.console.layout import PageLayout, Visit
from athlete_ally.console.records import OpenRecords
from athlete_ally.console.trend import BAND_DAYS, DayValue, TrendDay, main_series, trend
from athlete_ally.console.trend_chart import draw
from athlete_ally.core.audit_log import AuditNote
from athlete_ally.core.client_key import digest
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import KEY_COLUMNS, Record
from athlete_ally.ops.dead_letters.masking import masked_body
from athlete_ally.ops.people.lineage import Messages, Row, lineage_of

_DAYS_SHOWN = 42
_MOST_ROWS = 400
_ROWS_SHOWN = 21
_NIGHTS = (900.0, 110.0)
# A chart covers at least two weeks, so that the bars of a few nights are not wide.
_FEWEST_NIGHTS = 14
_MOST_ID_CHARACTERS = 200
_COMMON = {*Record.__struct_fields__, "stored_at"} - {*KEY_COLUMNS, "day", "quality_flags", "captured_at"}


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one kind, with the columns of that kind."""

    title: str
    kind: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class RecordPages:
    """The pages that show the records of a person."""

    layout: PageLayout
    records: OpenRecords
    messages: Messages
    measurements: Sequence[Measurement]
    journal: OpenAuditLog
    now: Callable[[], datetime]
    new_run: Callable[[], str]

    def routes(self) -> list[Route]:
        """Return the routes; the id is sent in a form, so that no address, history or log contains it."""
        layout = self.layout
        return [
            layout.page("/records", self._ask),
            layout.act("/records/person", self._person),
            layout.act("/records/lineage", self._lineage),
        ]

    async def _ask(self, visit: Visit) -> Response:
        return self.layout.render(visit, "records.html", person_id="", error="")

    async def _person(self, visit: Visit) -> Response:
        person_id = visit.form.get("person", "").strip()
        if not 0 < len(person_id) <= _MOST_ID_CHARACTERS:
            error = "Enter the exact id of one person."
            return self.layout.render(visit, "records.html", HTTPStatus.UNPROCESSABLE_ENTITY, person_id="", error=error)
        await self._note(visit, {"what": "records", "person": digest(person_id)[:16]})
        today = self.now().date()
        sections = await self._sections(person_id, today)
        if not any(section.rows for section in sections):
            error = "There is no record of this person in the last three months. Ids are matched exactly."
            return self.layout.render(visit, "records.html", person_id=person_id, error=error)
        days = _trend(sections, today)
        return self.layout.render(
            visit,
            "person.html",
            person_id=person_id,
            sections=[section for section in sections if section.rows],
            days=days,
            chart=draw(days),
            series=_series_name(sections),
            nights=_nights(sections),
            most=_ROWS_SHOWN,
        )

    async def _sections(self, person_id: str, today: date) -> list[Section]:
        since = today - timedelta(days=_DAYS_SHOWN + BAND_DAYS + 20)
        found = await asyncio.gather(
            *(self.records().of_person(each, person_id, since, _MOST_ROWS) for each in self.measurements)
        )
        return [
            Section(each.title, each.kind, _own_columns(rows), rows)
            for each, rows in zip(self.measurements, found, strict=True)
        ]

    async def _lineage(self, visit: Visit) -> Response:
        message_id = visit.form.get("message_id", "")[:_MOST_ID_CHARACTERS]
        found = await lineage_of(message_id, self.records(), self.messages)
        if found is None:
            text = "There is no receipt of this message: not processed yet, or processed with another database."
            return self.layout.notice(visit, "No receipt", text, HTTPStatus.NOT_FOUND)
        bodies = [masked_body(each.message.body) if each.message else "" for each in found.ancestors]
        return self.layout.render(
            visit,
            "lineage.html",
            row=visit.form.get("row", "")[:_MOST_ID_CHARACTERS],
            lineage=found,
            last=found.last,
            steps=list(zip(found.ancestors, bodies, strict=True)),
        )

    async def _note(self, visit: Visit, details: Mapping[str, Any]) -> None:
        """Record who looks up records, before anything is shown; the journal does not contain the person's id."""
        note = AuditNote(self.new_run(), visit.session.person.name, "reveal", "finished", details=details)
        await self.journal().write([note])


def _own_columns(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the columns of this kind that hold any value."""
    names = [name for name in (rows[0] if rows else ()) if name not in _COMMON]
    own = [name for name in names if name not in {*KEY_COLUMNS, "day", "quality_flags", "captured_at"}]
    return tuple(name for name in own if any(row[name] is not None for row in rows))


def _nights(sections: Sequence[Section]) -> list[tuple[Bar, Row]]:
    """Return a bar for each night of the last weeks, the oldest first."""
    rows = [row for section in sections if section.kind == "sleep" for row in section.rows][:_DAYS_SHOWN][::-1]
    width, height = _NIGHTS
    used = width * min(1.0, len(rows) / _FEWEST_NIGHTS)
    drawn = bars([row["asleep_min"] for row in rows], width=used, height=height, gap=4)
    return list(zip(drawn, rows, strict=True))


def _values(sections: Sequence[Section]) -> tuple[DayValue, ...]:
    rows = [row for section in sections if section.kind == "hrv" for row in section.rows]
    found = (
        DayValue(row["day"], row["ln_rmssd"], row["source"], row["context"])
        for row in rows
        if row["ln_rmssd"] is not None
    )
    return main_series(found)


def _trend(sections: Sequence[Section], today: date) -> tuple[TrendDay, ...]:
    values = _values(sections)
    last = max((each.day for each in values), default=today)
    return trend(values, last, _DAYS_SHOWN)


def _series_name(sections: Sequence[Section]) -> str:
    values = _values(sections)
    return f"{values[0].source}, {values[0].context}" if values else ""
