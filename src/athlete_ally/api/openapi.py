"""The HTTP contract as OpenAPI 3.1, made from the registry of kinds: good enough to generate clients from."""

from collections.abc import Sequence
from typing import Any

from athlete_ally.api.app import BASE
from athlete_ally.api.changes import LONGEST_WAIT_S
from athlete_ally.api.kinds import describe
from athlete_ally.api.people import MOST_PEOPLE
from athlete_ally.api.records import MOST_ROWS
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.core.sample_queries import RESOLUTIONS
from athlete_ally.measurements.samples import SORTS

_PROBLEMS = {
    "400": "A parameter is unknown or impossible; `parameter` names it.",
    "401": "A key or token is needed, and it is missing, unknown, revoked, or has ended.",
    "403": "The key lacks a scope, which is named.",
    "404": "There is no such person, kind or code, or the key may not see the person.",
    "429": "The key's requests of this minute are used up; ask again after `Retry-After` seconds.",
    "503": "The database does not answer in time; ask again after `Retry-After` seconds.",
}
_STRING, _INTEGER, _BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_DAY, _INSTANT = {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}
_CURSOR = {"type": ["string", "null"], "description": "Where the next page begins; null where this is the last."}
_LIST = {"type": "array", "items": _STRING}
_TYPES = {
    "string": _STRING,
    "integer": _INTEGER,
    "number": {"type": "number"},
    "array": {"type": "array", "items": {"type": "number"}},
}


def build_openapi(measurements: Sequence[Measurement], version: str) -> dict[str, Any]:
    """Return the document."""
    kinds = [each for each in measurements if not issubclass(each.record_type, SampleBatch)]
    names = [each.kind for each in kinds]
    person = _path("id", "The person's id, as it was sent.")
    kind = _path("kind", "What was measured.", enum=names)
    code = _path("code", "The code of the time series.", enum=list(SORTS))
    records = {"oneOf": [{"$ref": f"#/components/schemas/{_name(each)}"} for each in kinds]}
    pages = _page("records", records, estimate=_INTEGER)
    paths: dict[str, Any] = {
        "/people": _get("list_people", "Who there is, without values", _page("people", _ref("Person")), _people()),
        "/people/{id}": _get("get_person", "What there is of a person", _ref("Person"), [person]),
        "/people/{id}/records/{kind}": _get(
            "list_person_records", "Records of a person", pages, [person, kind, *_rows()]
        ),
        "/records/{kind}": _get("list_records", "Records of all people", pages, [kind, *_rows()]),
        "/people/{id}/samples/{code}": _get(
            "list_samples", "Points of a time series, raw or in buckets", _ref("SamplePage"), [person, code, *_points()]
        ),
        "/changes": _get(
            "list_changes", "What was created, updated, deleted or erased", _ref("ChangePage"), _changes(names)
        ),
        "/kinds": _get("list_kinds", "Every kind with its columns, units and codes", _ref("KindList"), []),
        "/tokens": _tokens(),
    }
    for path in ("/people/{id}/records/{kind}", "/records/{kind}"):
        content = paths[path]["get"]["responses"]["200"]["content"]
        content["application/x-ndjson"] = {"schema": {"type": "string", "description": "A record a line; all of them."}}
        content["text/csv"] = {"schema": {"type": "string", "description": "A line of names, then a record a line."}}
    events = {"schema": {"type": "string", "description": "An event for each change; its id is a cursor."}}
    paths["/changes"]["get"]["responses"]["200"]["content"]["text/event-stream"] = events
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Athlete Ally API",
            "version": version,
            "summary": "Gives back what came in: records, time series, people and a change feed without gaps.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {BASE + path: operations for path, operations in paths.items()},
        "components": {
            "schemas": {**{_name(each): _record(each) for each in kinds}, **_schemas(names)},
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "Needed outside dev."}},
        },
    }


def _get(name: str, summary: str, schema: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    problems = {status: _problem(text) for status, text in _PROBLEMS.items()}
    ok = {"description": "As asked.", "content": {"application/json": {"schema": schema}}}
    unchanged = {"description": "The same as the ETag that was sent."}
    responses = {"200": ok, "304": unchanged, **problems}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "security": [{}, {"apiKey": []}],
        "responses": responses,
    }
    return {"get": {**operation, "parameters": parameters}}


def _tokens() -> dict[str, Any]:
    wanted = {"user_id": _STRING, "lasts_s": {"type": "integer", "minimum": 60, "maximum": 86400, "default": 3600}}
    made = {"token": _STRING, "user_id": _STRING, "ends_at": _INSTANT}
    example = {"user_id": "athlete-7", "lasts_s": 3600}
    body = {"schema": _object(wanted, ["user_id"]), "example": example}
    problems = {status: _problem(text) for status, text in _PROBLEMS.items() if status != "404"}
    problems["413"] = _problem("The body is too large.")
    operation: dict[str, Any] = {
        "operationId": "create_token",
        "summary": "A token that may read one person for a time, for a phone or a browser",
        "security": [{}, {"apiKey": []}],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "201": {"description": "Shown once.", "content": {"application/json": {"schema": _object(made)}}},
            **problems,
        },
    }
    return {"post": operation}


def _people() -> list[dict[str, Any]]:
    return [_limit(MOST_PEOPLE, 100), _query("cursor", _STRING, "`next` of the page before.")]


def _rows() -> list[dict[str, Any]]:
    return [
        _query("first_day", _DAY, "The first of the person's own days, included."),
        _query("last_day", _DAY, "The last of the person's own days, included."),
        _query("from", _INSTANT, "Begins at this instant or later."),
        _query("to", _INSTANT, "Begins before this instant."),
        *(_query(name, _LIST, text) for name, text in _FILTERS.items()),
        _query("order", {"type": "string", "enum": ["newest", "oldest"], "default": "newest"}, "Which comes first."),
        _query("lineage", {**_BOOLEAN, "default": False}, "Whether to tell the message that a record came from."),
        _query("include", _LIST, "Large columns: raw, and the intervals of hrv."),
        _query("estimate", {**_BOOLEAN, "default": False}, "Whether to tell about how many records there are."),
        _limit(MOST_ROWS, 100),
        _query("cursor", _STRING, "`next` of the page before."),
    ]


_FILTERS = {
    "source": "Only these sources.",
    "context": "Only these contexts.",
    "device": "Only these devices.",
    "flag": "Only with one of these quality flags.",
}


def _points() -> list[dict[str, Any]]:
    return [
        _query("from", _INSTANT, "The first instant, included; a day before `to` unless given."),
        _query("to", _INSTANT, "The last instant, not included; now unless given."),
        _query("resolution", {"type": "string", "enum": list(RESOLUTIONS), "default": "raw"}, "Points, or buckets."),
        _query("time_zone", {**_STRING, "default": "UTC"}, "The zone whose hours and days the buckets are."),
        _query("source", _LIST, "Only these sources."),
        _query("device", _LIST, "Only these devices."),
        _limit(MOST_ROWS, 1000),
        _query("cursor", _STRING, "`next` of the page before."),
    ]


def _changes(names: list[str]) -> list[dict[str, Any]]:
    return [
        _query("after", _STRING, "`cursor` of the page before; `latest` for what comes from now on; or the beginning."),
        _query(
            "kinds", {"type": "array", "items": {"type": "string", "enum": [*names, "samples"]}}, "Only these kinds."
        ),
        _query("people", _LIST, "Only these people."),
        _query("wait", {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_S, "default": 0}, "Seconds to wait."),
        _limit(MOST_ROWS, 1000),
    ]


def _limit(most: int, default: int) -> dict[str, Any]:
    return _query("limit", {"type": "integer", "minimum": 1, "maximum": most, "default": default}, "How many at most.")


def _query(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    style: dict[str, Any] = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "description": text, "schema": schema, **style}


def _path(name: str, text: str, enum: list[str] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1, **({"enum": enum} if enum else {})}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def _page(name: str, items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _object({name: {"type": "array", "items": items}, "next": _CURSOR, **more}, [name, "next"])


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": _ref("ProblemDocument")}}}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


def _name(measurement: Measurement) -> str:
    return measurement.record_type.__name__


def _record(measurement: Measurement) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for column in describe(measurement)["columns"]:
        unit = {"description": f"In {column['unit']} (UCUM)."} if column["unit"] else {}
        own[column["name"]] = {**_nullable(_TYPES[column["type"]]), **unit}
    on_demand = {column["name"] for column in describe(measurement)["columns"] if column["on_demand"]}
    properties = {**_COMMON, **own, **_ON_DEMAND}
    required = [name for name in (*_COMMON, *own) if name not in on_demand]
    return {**_object(properties, required), "title": measurement.title}


_COMMON: dict[str, Any] = {
    "user_id": _STRING,
    "period": {**_STRING, "description": "Start of the interval in UTC, or the local day."},
    "source": _STRING,
    "context": _STRING,
    "day": _DAY,
    "starts_at": _nullable(_INSTANT),
    "ends_at": _nullable(_INSTANT),
    "device": _nullable(_STRING),
    "quality_flags": _LIST,
    "captured_at": _INSTANT,
    "received_at": _INSTANT,
    "session_id": _nullable(_STRING),
    "stored_at": _INSTANT,
}
_ON_DEMAND: dict[str, Any] = {
    "raw": {"description": "What the sender added, as it was sent."},
    "message_id": _STRING,
    "stream_sequence": _INTEGER,
    "reading_index": _INTEGER,
}


def _schemas(names: list[str]) -> dict[str, Any]:
    number = {"type": ["number", "null"]}
    span = _object(
        {"kind": _STRING, "first_day": _DAY, "last_day": _DAY, "sources": _LIST}, ["kind", "first_day", "last_day"]
    )
    connection = _object({"vendor": _STRING, "state": _STRING})
    point = {"at": _INSTANT, "source": _STRING, "context": _STRING, "device": _nullable(_STRING), "series": _INTEGER}
    values = dict.fromkeys(("value", "lasts_s", "mean", "min", "max", "sum"), number)
    counts = {"is_plausible": _BOOLEAN, "point_count": _INTEGER, "implausible_count": _INTEGER}
    about = {"code": _STRING, "unit": _STRING, "resolution": _STRING, "time_zone": _STRING, "aggregate": _STRING}
    change = {
        "type": {"type": "string", "enum": ["created", "updated", "deleted", "erased"]},
        "kind": {"type": ["string", "null"], "enum": [*names, "samples", None]},
        "user_id": _STRING,
        "period": _nullable(_STRING),
        "source": _nullable(_STRING),
        "context": _nullable(_STRING),
        "record": {"type": ["object", "null"], "description": "The record as it is now, as /records has it."},
        "code": _STRING,
        "device": _STRING,
    }
    column = {
        "name": _STRING,
        "type": _STRING,
        "unit": _nullable(_STRING),
        "loinc": _nullable(_STRING),
        "on_demand": _BOOLEAN,
    }
    codes = {"code": _STRING, "unit": _STRING, "loinc": _nullable(_STRING)}
    shapes = {
        "columns": {"type": "array", "items": _object(column)},
        "codes": {"type": "array", "items": _object(codes)},
    }
    kind = _object({"kind": _STRING, "title": _STRING, "shape": _STRING, **shapes}, ["kind", "title", "shape"])
    lists = {"kinds": {"type": "array", "items": span}, "connections": {"type": "array", "items": connection}}
    problem = {"type": _STRING, "title": _STRING, "status": _INTEGER, "detail": _STRING, "parameter": _STRING}
    required = [name for name in about if name != "aggregate"]
    samples = {
        "samples": {"type": "array", "items": _object({**point, **values, **counts}, list(point))},
        "next": _CURSOR,
    }
    told = {"type": "array", "items": _object(change, [name for name in change if name not in {"code", "device"}])}
    return {
        "Person": _object({"user_id": _STRING, **lists}),
        "SamplePage": _object({**samples, **about}, ["samples", "next", *required]),
        "ChangePage": _object({"changes": told, "cursor": _STRING}),
        "KindList": _object({"kinds": {"type": "array", "items": kind}}),
        "ProblemDocument": _object(problem, ["type", "title", "status", "detail"]),
    }
