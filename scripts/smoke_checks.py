"""The checks that both smoke scripts make of ingest, and the readings they send.

Every reading belongs to a person of its own, `smoke-` and random digits: runs never meet, and traces are easy to find.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from smoke_client import Answer, Service
from smoke_report import Failed

REMEDIES = {
    401: "give the API key in INGEST_API_KEY or --key",
    403: "use an API key that may send readings",
    404: "see whether --base-url is that of ingest",
    429: "try again when ingest is less busy",
    503: "see GET /health/ready for what ingest is waiting for",
}


def hrv_reading() -> bytes:
    """Return an HRV reading that nobody has sent before."""
    return _reading(rmssd=48.2, context="spot")


def sleep_reading() -> bytes:
    """Return a sleep reading that nobody has sent before."""
    return _reading(durationMinutes=443)


READINGS: Mapping[str, Callable[[], bytes]] = {"hrv": hrv_reading, "sleep": sleep_reading}


def _reading(**values: object) -> bytes:
    # A few minutes old: the clocks of two machines may differ.
    captured_at = datetime.now(UTC) - timedelta(minutes=5)
    common = {
        "userId": f"smoke-{secrets.token_hex(6)}",
        "date": captured_at.date().isoformat(),
        "capturedAt": captured_at.isoformat(timespec="seconds"),
        "source": "smoke",
    }
    return json.dumps(common | values).encode()


def invalid(reading: bytes) -> bytes:
    """Return an HRV reading with a value that nobody can have."""
    return json.dumps(json.loads(reading) | {"rmssd": -1}).encode()


def expect_status(answer: Answer, status: int, *, of: str) -> None:
    """Raise Failed unless `answer` has `status`."""
    if answer.status != status:
        remedy = REMEDIES.get(answer.status, "see the log of the service")
        raise Failed(expected=f"{status} for {of}", saw=answer, remedy=remedy)


def healthy(service: Service) -> str:
    """The service is alive, and is the one that we look for."""
    answer = service.get("/health")
    expect_status(answer, 200, of="GET /health")
    said = answer.document
    if (said.get("status"), said.get("service")) != ("ok", service.name):
        raise Failed(
            expected=f"status ok of service {service.name}",
            saw=answer,
            remedy=f"see what else listens at {service.base_url}",
        )
    return f"{service.name} {said.get('version')} is ok"


def ready(service: Service) -> str:
    """The service can do its work: what it depends on answers."""
    answer = service.get("/health/ready")
    if (answer.status, answer.document.get("status")) != (200, "ready"):
        remedy = "fix the listed reasons; `athlete-ally doctor` names the remedies"
        raise Failed(expected="200 and status ready", saw=answer, remedy=remedy)
    return f"{service.name} is ready"


def accept(ingest: Service, kind: str, reading: bytes, *, duplicate: bool) -> str:
    """Post `reading`, expect it accepted as new or as a duplicate, and return its id."""
    answer = ingest.post(f"/api/v1/ingest/{kind}", reading)
    expect_status(answer, 202, of="a good reading")
    said = answer.document
    seen = (said.get("status"), said.get("accepted"), said.get("duplicate"))
    if seen != ("accepted", 1, duplicate) or not said.get("id"):
        raise Failed(
            expected=f"status accepted, accepted 1, duplicate {str(duplicate).lower()} and an id",
            saw=answer,
            remedy="see the duplicate window of the stream (`athlete-ally streams`)",
        )
    return str(said["id"])


def recognises_duplicate(ingest: Service, kind: str) -> str:
    """The same body twice is one message: the second answer says so, under the same id."""
    reading = READINGS[kind]()
    first = accept(ingest, kind, reading, duplicate=False)
    second = accept(ingest, kind, reading, duplicate=True)
    if first != second:
        raise Failed(expected=f"the id {first} again", saw=second, remedy="the id must be a hash of the content")
    return f"the same {kind} reading again is a duplicate of {first}"
