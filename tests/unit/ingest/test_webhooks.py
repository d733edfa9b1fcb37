"""The way in for vendors, over a fake stream: verified, kept as received, answered in the vendor's own terms."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from support.fakes import FakeLog, FakeObserver, FakePublisher, dev_topology
from support.webhooks import BY_NAME, Signed, signed_samples

from athlete_ally.core.broker import topology
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Acknowledgement, OutgoingMessage
from athlete_ally.core.messages.parts import proven
from athlete_ally.core.series import every, webhook_series
from athlete_ally.core.vendor.plugin import Secrets
from athlete_ally.core.vendor.webhook import Webhook
from athlete_ally.ingest.admission import WebhookShares
from athlete_ally.ingest.store_webhook import WebhookKeeper
from athlete_ally.ingest.webhooks import WebhookService, webhook_routes

SERIES = webhook_series(list(BY_NAME))
SAMPLES = signed_samples()
IDS = [f"{number}-{sample.vendor.name}" for number, sample in enumerate(SAMPLES)]
OURA = next(sample for sample in SAMPLES if sample.vendor.name == "oura")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ACCEPTED = {"fitbit": 204, "google_health": 204}


class Edge:
    """The routes over fakes; `now` is the time of the request."""

    def __init__(self, secrets: Mapping[str, Secrets], now: datetime) -> None:
        """Start with an empty stream."""
        self.publisher = FakePublisher()
        self.observer = FakeObserver(list(every(SERIES)))
        self.log = FakeLog()
        self.now = now
        self.service = WebhookService(
            vendors=BY_NAME,
            secrets=secrets,
            keeper=WebhookKeeper(self.publisher),
            shares=WebhookShares.build(list(secrets), max_requests=4, max_bytes=10_000_000),
            max_body_bytes=2_000_000,
            observer=self.observer,
            series=SERIES,
            now=lambda: self.now,
            log=self.log,
        )

    async def request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Send a request."""
        transport = httpx.ASGITransport(Starlette(routes=webhook_routes(self.service)))
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            return await client.request(method, path, **parts)

    async def send(self, sample: Signed, body: bytes | None = None) -> httpx.Response:
        """Send a signed sample, or its signature with another body."""
        content = sample.request.body if body is None else body
        return await self.request("POST", path_of(sample), content=content, headers=dict(sample.request.headers))

    def count(self, name: str, *labels: str) -> float:
        """Return a counter of webhooks."""
        return self.observer.value(getattr(SERIES, name), *labels)


def path_of(sample: Signed) -> str:
    """Return where a sample is sent."""
    secret = f"/{sample.request.path_secret}" if sample.request.path_secret else ""
    return f"/webhooks/{sample.vendor.name}{secret}"


def open_for(sample: Signed) -> Edge:
    """Return an edge that knows the sample's secrets."""
    return Edge({sample.vendor.name: Secrets(sample.secrets)}, sample.now)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
async def test_a_webhook_is_kept_exactly_as_received(sample: Signed) -> None:
    """
    The bytes, and the headers that a vendor signs, are in AA_VENDOR_HOT; no secret is; the answer is the vendor's own.
    """
    edge = open_for(sample)
    answer = await edge.send(sample)
    (message,) = edge.publisher.published

    assert (ACCEPTED.get(sample.vendor.name, 200), b"") == (answer.status_code, answer.content)
    assert (topology.VENDOR_HOT, topology.webhook_subject(sample.vendor.name)) == (message.stream, message.subject)
    assert sample.request.body == message.body
    kept = {name: value for name, value in sample.request.headers.items() if name in sample.vendor.kept_headers}
    assert kept.items() <= message.headers.items()
    assert not any(secret in str(message.headers) for secret in sample.secrets)
    assert sample.now.isoformat(timespec="milliseconds") == message.headers[headers.CE_TIME]
    assert edge.count("accepted", sample.vendor.name) == 1


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
async def test_the_same_delivery_again_is_a_duplicate_unless_it_is_news(sample: Signed) -> None:
    """
    A vendor's retry is recognised and answered alike; where equal content tells of another change it is kept again.
    """
    edge = open_for(sample)
    statuses: list[int] = []
    for seconds in (0, 1):
        edge.now = sample.now.replace(second=seconds + sample.now.second)
        statuses.append((await edge.send(sample)).status_code)
    news = 2 if sample.vendor.repeats_are_news else 1

    assert len(set(statuses)) == 1
    assert (news, 2 - news) == (len(edge.publisher.published), edge.count("duplicates", sample.vendor.name))


async def test_a_trace_context_is_kept_and_named_in_the_log() -> None:
    """
    A gateway's `traceparent` travels with the webhook, and a refusal says whose request it was.
    """
    edge = open_for(OURA)
    signed = {**OURA.request.headers, "Traceparent": TRACEPARENT}
    await edge.request("POST", path_of(OURA), content=OURA.request.body, headers=signed)
    await edge.request("POST", path_of(OURA), content=b"{}", headers=signed)
    (message,) = edge.publisher.published
    (line,) = edge.log.lines

    assert message.headers[headers.TRACEPARENT] == TRACEPARENT
    assert ("webhook-unverified", TRACEPARENT.split("-")[1]) == (line.event, line.fields["trace_id"])


async def test_the_vendors_own_id_tells_deliveries_apart() -> None:
    """
    Standard Webhooks: the same id is a duplicate whatever the body, another id is another delivery.
    """
    sample = next(sample for sample in SAMPLES if sample.vendor.name == "clinic")
    edge = open_for(sample)
    await edge.send(sample)
    (message,) = edge.publisher.published

    assert message.message_id == f"clinic-{sample.request.headers['webhook-id']}"


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
async def test_an_unverified_request_leaves_nothing_behind(sample: Signed) -> None:
    """
    401, a counter by vendor and cause, and nothing was published, not even tried.
    """
    edge = Edge({sample.vendor.name: Secrets(("YW5vdGhlci1zZWNyZXQ=",))}, sample.now)
    answer = await edge.send(sample)

    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert (edge.count("unverified", sample.vendor.name, "mismatch"), edge.publisher.tried) == (1, [])
    assert (
        edge.count("requests", sample.vendor.name, "401"),
        edge.count("accepted", sample.vendor.name),
    ) == (1, 0)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
async def test_without_a_secret_the_route_is_closed(sample: Signed) -> None:
    """
    404 as for a vendor that does not exist, whatever is sent; a token for the handshake alone opens no delivery.
    """
    for secrets in ({}, {sample.vendor.name: Secrets(tokens=("a-token",))}):
        edge = Edge(secrets, sample.now)
        assert ((await edge.send(sample)).status_code, edge.publisher.tried) == (404, [])


async def test_an_unknown_vendor_is_counted_as_such() -> None:
    """
    No name that a stranger chooses becomes a label.
    """
    edge = Edge({}, datetime(2026, 11, 24, tzinfo=UTC))

    assert (await edge.request("POST", "/webhooks/nobody", content=b"{}")).status_code == 404
    assert edge.count("requests", "unknown", "404") == 1


async def test_a_method_that_no_vendor_uses_is_refused() -> None:
    """
    GET where there is no handshake: 405 with Allow; what is allowed is said.
    """
    edge = open_for(OURA)
    answer = await edge.request("GET", "/webhooks/oura")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_handshake_keeps_nothing() -> None:
    """
    The challenge is given back, and the stream hears nothing of it.
    """
    edge = Edge({"oura": Secrets(tokens=("the-token",))}, OURA.now)
    answer = await edge.request("GET", "/webhooks/oura?verification_token=the-token&challenge=c-1")

    assert (answer.json(), edge.publisher.tried) == ({"challenge": "c-1"}, [])


async def test_no_answer_of_success_without_the_stream() -> None:
    """
    Broker away or full: 503 with Retry-After, and nothing is counted as accepted; the retry is taken.
    """
    edge = open_for(OURA)
    edge.publisher.unavailable = True
    away = await edge.send(OURA)
    edge.publisher.unavailable = False
    edge.publisher.full.add(topology.VENDOR_HOT)
    full = await edge.send(OURA)
    edge.publisher.full.clear()
    taken = await edge.send(OURA)

    assert [answer.status_code for answer in (away, full, taken)] == [503, 503, 200]
    assert "retry-after" in away.headers
    assert edge.count("accepted", "oura") == 1


async def test_a_subject_that_belongs_to_another_stream_is_ours_to_fix() -> None:
    """
    Somebody gave the subjects of webhooks to another stream: 503, so that the vendor sends again.
    """
    edge = open_for(OURA)
    streams = [
        replace(stream, subjects=("vendor.>",)) for stream in dev_topology().streams if stream.name == topology.DLQ
    ]
    edge.service = replace(edge.service, keeper=WebhookKeeper(FakePublisher(replace(dev_topology(), streams=streams))))
    answer = await edge.send(OURA)

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


class _Slow:
    """A stream whose acknowledgement never comes."""

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """Wait for a moment that is later than any vendor's deadline in this test."""
        await asyncio.sleep(60)
        raise Unavailable(message.subject)


async def test_a_vendor_hears_within_its_own_deadline() -> None:
    """
    A stream that does not answer within the vendor's deadline: 503 before the vendor's timeout.
    """
    edge = open_for(OURA)
    hasty = replace(OURA.vendor, deadline_s=0.05)
    edge.service = replace(edge.service, vendors={"oura": hasty}, keeper=WebhookKeeper(_Slow()))

    assert (await edge.send(OURA)).status_code == 503


async def test_a_webhook_too_large_for_a_message_is_refused() -> None:
    """
    413, with the limit, and nothing published.
    """
    sample = next(sample for sample in SAMPLES if sample.vendor.name == "garmin")
    edge = open_for(sample)
    answer = await edge.send(sample, body=b" " * (topology.MAX_BODY_BYTES + 1))

    assert (answer.status_code, str(topology.MAX_BODY_BYTES) in answer.json()["detail"]) == (413, True)
    assert edge.publisher.published == []


async def test_no_secret_and_no_person_is_logged() -> None:
    """
    Neither secrets, nor signatures, nor bodies are in the log.
    """
    for sample in SAMPLES:
        edge = open_for(sample)
        await edge.send(sample)
        await edge.send(sample, body=b"altered")
        text = str(edge.log.lines)
        for private in (*sample.secrets, *sample.request.headers.values(), sample.request.body.decode()):
            assert private not in text


GARMIN_SECRET = "garmin-address-secret"  # noqa: S105  # of nobody


def a_large_push(count: int) -> bytes:
    """Return a push of activity details, one of whose items no message can hold."""
    sample = {"startTimeInSeconds": 1795500000, "heartRate": 121, "speedMetersPerSecond": 8.1}
    details = {"userId": "g-1", "activityId": 1, "summary": {"startTimeInSeconds": 1795500000}}
    long = {**details, "samples": [{**sample, "startTimeInSeconds": 1795500000 + at} for at in range(count)]}
    return json.dumps({"activityDetails": [long, {**details, "samples": [sample]}]}).encode()


async def test_a_push_that_no_message_holds_is_kept_in_parts() -> None:
    """
    Three megabytes of Garmin's: 200, each part a message that is read like any webhook, and the raw bytes provable.
    """
    edge = Edge({"garmin": Secrets((GARMIN_SECRET,))}, datetime(2026, 11, 24, 12, tzinfo=UTC))
    body = a_large_push(40_000)
    answer = await edge.request("POST", f"/webhooks/garmin/{GARMIN_SECRET}", content=body)
    kept = edge.publisher.on(topology.webhook_subject("garmin"))

    assert (answer.status_code, len(body) > 3_000_000) == (200, True)
    assert body == proven((each.body, each.headers) for each in reversed(kept))
    unpacked = [BY_NAME["garmin"].unpack(Webhook(each.body, each.headers, edge.now)) for each in kept]
    points = [len(it.fields["values"]) for each in unpacked for it in each.found if it.kind == "samples"]
    assert (sum(points), tuple(it for each in unpacked for it in each.unusable)) == (2 * 40_001, ())


async def test_a_push_is_kept_whole_or_not_at_all() -> None:
    """
    When the stream does not take the last part the vendor is told to send everything again.
    """
    edge = Edge({"garmin": Secrets((GARMIN_SECRET,))}, datetime(2026, 11, 24, 12, tzinfo=UTC))
    publish = edge.publisher.publish
    taken: list[OutgoingMessage] = []

    async def gets_full(message: OutgoingMessage) -> Acknowledgement:
        taken.append(message)
        edge.publisher.unavailable = len(taken) == 2
        return await publish(message)

    edge.publisher.publish = gets_full
    answer = await edge.request("POST", f"/webhooks/garmin/{GARMIN_SECRET}", content=a_large_push(40_000))

    assert (answer.status_code, len(taken)) == (503, 2)


async def test_only_who_knows_the_address_may_send_as_much() -> None:
    """
    A stranger's three megabytes are refused before they are read, and a vendor's that is not split as before.
    """
    edge = Edge({"garmin": Secrets((GARMIN_SECRET,))}, datetime(2026, 11, 24, 12, tzinfo=UTC))
    strangers = await edge.request("POST", "/webhooks/garmin/somebody-elses-secret", content=a_large_push(40_000))
    unsplit = await edge.request("POST", f"/webhooks/garmin/{GARMIN_SECRET}", content=b"[" + b"1," * 600_000 + b"1]")

    assert (strangers.status_code, unsplit.status_code) == (413, 413)
