"""The HTTP contract as OpenAPI 3.1, made from the registries of kinds and vendors."""

from collections.abc import Sequence
from typing import Any

import msgspec

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.ingest.openapi_webhooks import webhook_paths

_PROBLEMS = {
    "400": "The body is not UTF-8, not JSON, or its compression is broken.",
    "401": "An API key is needed, and it is missing, unknown or revoked.",
    "403": "The API key may not send this kind.",
    "408": "The body did not arrive in time.",
    "413": "The body, a reading or the number of readings is too large.",
    "415": "The Content-Type or Content-Encoding is not understood.",
    "422": "At least one reading is invalid; nothing was accepted. `errors` locates up to 100 problems.",
    "429": "Too many requests are in progress; send again after `Retry-After` seconds.",
    "503": "The stream did not acknowledge in time, or is full. Send the same again after `Retry-After` seconds.",
}
_MEDIA_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")


def build_openapi(measurements: Sequence[Measurement], vendors: Sequence[str], version: str) -> dict[str, Any]:
    """Return the document."""
    types = [measurement.decoder.reading_type for measurement in measurements]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for measurement in measurements:
        paths[f"/api/v1/ingest/{measurement.kind}"] = {"post": _operation(measurement, alias=False)}
        paths[f"/ingest/{measurement.kind}"] = {"post": _operation(measurement, alias=True)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Athlete Ally ingest",
            "version": version,
            "summary": "Takes readings of wearables in; a 2xx means that they are on disk.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths | webhook_paths(vendors, _problem_response) | _health_paths(),
        "components": {
            "schemas": {**schemas, **_SCHEMAS},
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "Needed outside dev."}},
        },
    }


def _operation(measurement: Measurement, *, alias: bool) -> dict[str, Any]:
    reading = {"$ref": f"#/components/schemas/{measurement.decoder.reading_type.__name__}"}
    examples = {
        "one": {"summary": "One reading", "value": measurement.examples[0]},
        "many": {"summary": "An array", "value": list(measurement.examples)},
    }
    batch = {"type": "array", "minItems": 1, "items": reading}
    content: dict[str, Any] = {
        "application/json": {"schema": {"oneOf": [reading, batch]}, "examples": examples},
        **{media: {"schema": {"type": "string", "description": "One reading a line."}} for media in _MEDIA_TYPES},
    }
    return {
        "operationId": f"ingest_{measurement.kind}{'_alias' if alias else ''}",
        "summary": f"Send readings: {measurement.title}",
        "description": "All or nothing. The same content again is a duplicate, and the answer says so.",
        "tags": ["readings"],
        "security": [{}, {"apiKey": []}],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "202": _json_response("The stream holds all readings on disk.", "Accepted"),
            **{status: _problem_response(status, text) for status, text in _PROBLEMS.items()},
        },
    }


def _json_response(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _problem_response(status: str, description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    response: dict[str, Any] = {"description": description, "content": content}
    if status in {"429", "503"}:
        header = {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}
        response["headers"] = {"Retry-After": header}
    return response


def _health_paths() -> dict[str, Any]:
    def operation(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
        return {"get": {"operationId": name, "summary": summary, "tags": ["health"], "responses": responses}}

    text: dict[str, Any] = {
        "200": {"description": "OpenMetrics text.", "content": {"application/openmetrics-text": {}}}
    }
    return {
        "/health": operation("health", "Alive", {"200": _json_response("Alive.", "Health")}),
        "/health/ready": operation(
            "ready",
            "Able to store readings",
            {
                "200": _json_response("Ready.", "Readiness"),
                "503": _json_response("Not ready; `reasons` say why.", "Readiness"),
            },
        ),
        "/metrics": operation("metrics", "Series for Prometheus", text),
    }


_SCHEMAS: dict[str, Any] = {
    "Accepted": {
        "type": "object",
        "required": ["status", "id", "accepted", "duplicate"],
        "properties": {
            "status": {"const": "accepted"},
            "id": {"type": "string", "description": "Id of the message, made from its content."},
            "accepted": {"type": "integer", "minimum": 1, "description": "Readings in the request."},
            "duplicate": {"type": "boolean", "description": "The stream held all of it before."},
            "parts": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Ids of the messages, where a batch was too large for one.",
            },
        },
    },
    "ProblemDocument": {
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What was wrong, and the remedy."},
            "errors": {
                "type": "array",
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "required": ["index", "field", "message"],
                    "properties": {
                        "index": {"type": "integer", "minimum": 0, "description": "Place of the reading, from 0."},
                        "field": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
        },
    },
    "Health": {
        "type": "object",
        "required": ["status", "service", "version", "host", "port"],
        "properties": {
            "status": {"const": "ok"},
            "service": {"type": "string"},
            "version": {"type": "string"},
            "host": {"type": "string"},
            "port": {"type": "integer"},
        },
    },
    "Readiness": {
        "type": "object",
        "required": ["status", "reasons"],
        "properties": {
            "status": {"enum": ["ready", "not-ready"]},
            "reasons": {"type": "array", "items": {"type": "string"}},
        },
    },
}
