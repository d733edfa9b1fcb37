"""The overview of the pipeline: stations, consumers, accounting. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from athlete_ally.console import wording
from athlete_ally.console.alarms import Alarm, Situation, find_alarms, used_share
from athlete_ally.console.figures import Source
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, VENDOR_HOT, Durable, Topology

State = Literal["ok", "warning", "critical", "unknown"]


@dataclass(frozen=True, slots=True)
class Station:
    """One box of the overview: a large figure, its unit, and smaller facts as (name, value)."""

    key: str
    title: str
    role: str
    state: State
    figure: str
    unit: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One durable: its pending messages, the age of the oldest, and when that will be deleted."""

    durable: str
    stream: str
    state: State
    note: str
    pending: str
    unacknowledged: str
    oldest: str
    time_to_loss: str
    rate: str


@dataclass(frozen=True, slots=True)
class Accounting:
    """The outcomes of the readings that normalize has processed since it started."""

    rows: tuple[tuple[str, str], ...]
    unaccounted: str
    state: State


@dataclass(frozen=True, slots=True)
class Server:
    """A service, or a server they depend on."""

    name: str
    state: State
    version: str
    note: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything that the page shows."""

    alarms: tuple[Alarm, ...]
    stations: Mapping[str, Station]
    lanes: tuple[Lane, ...]
    accounting: Accounting
    servers: tuple[Server, ...]

    @property
    def summary(self) -> str:
        """Return the state in one sentence, for screen readers."""
        if not self.alarms:
            return "No problems."
        one = "1 thing needs attention" if len(self.alarms) == 1 else f"{len(self.alarms)} things need attention"
        return f"{one}: {self.alarms[0].text}."


def build_flow(situation: Situation, desired: Topology, thresholds: Thresholds) -> Flow:
    """Return the overview of the latest figures."""
    alarms = find_alarms(situation, desired, thresholds)
    at = _States(alarms)
    stations = [
        _senders(situation),
        _ingest(situation, at),
        _stream(situation, CORE_HOT, "readings, on disk", at),
        _stream(situation, VENDOR_HOT, "webhooks as received", at),
        _normalize(situation, at),
        _letters(situation, at),
        _database(situation, at),
    ]
    return Flow(
        alarms=alarms,
        stations={station.key: station for station in stations},
        lanes=tuple(
            sorted((_lane(situation, durable, at) for durable in desired.durables), key=lambda lane: lane.state == "ok")
        ),
        accounting=_accounting(situation, at),
        servers=tuple(_servers(situation, at)),
    )


@dataclass(frozen=True, slots=True)
class _States:
    alarms: Sequence[Alarm]

    def of(self, *stations: str, source: Source | None = None) -> State:
        """Return the worst state of these stations; unknown when a source was never read."""
        found = {each.severity for each in self.alarms if each.station in stations}
        if found:
            return "critical" if "critical" in found else "warning"
        return "unknown" if source is not None and source.latest is None else "ok"

    def note(self, station: str) -> str:
        return next((each.text for each in self.alarms if each.station == station), "")


def _senders(situation: Situation) -> Station:
    ingest = situation.ingest
    refused = ingest.figures.total("ingest_refusals_total")
    sent = ingest.rate_per_s("ingest_requests_total")
    return Station(
        key="senders",
        title="Senders",
        role="clients send readings, vendors send webhooks",
        state="unknown" if ingest.latest is None or ingest.problem else "ok",
        figure=wording.rate(sent),
        unit="requests",
        facts=(
            ("requests", wording.count(ingest.figures.total("ingest_requests_total"))),
            ("refused", wording.count(refused)),
        ),
    )


def _ingest(situation: Situation, at: _States) -> Station:
    figures = situation.ingest.figures
    return Station(
        key="ingest",
        title="ingest",
        role="verify, identify, publish; 2xx after the stream's ack",
        state=at.of("ingest", source=situation.ingest),
        figure=wording.rate(situation.ingest.rate_per_s("ingest_readings_accepted_total")),
        unit="readings accepted",
        facts=(
            ("accepted", wording.count(figures.total("ingest_readings_accepted_total"))),
            ("duplicates", wording.count(figures.total("ingest_readings_duplicate_total"))),
        ),
    )


def _stream(situation: Situation, name: str, role: str, at: _States) -> Station:
    figures = situation.broker.figures
    used = used_share(figures, name)
    return Station(
        key=name,
        title=name,
        role=role,
        state=at.of(name, "broker", source=situation.broker),
        figure=wording.count(figures.total("jetstream_stream_total_messages", stream_name=name)),
        unit="messages stored",
        facts=(
            ("pending", wording.count(_pending(situation, name))),
            ("storage used", f"{used:.1%}" if used is not None else wording.share(None)),
        ),
    )


def _normalize(situation: Situation, at: _States) -> Station:
    normalize = situation.normalize
    ages_s = [
        situation.broker.figures.worst("aa_consumer_oldest_unprocessed_seconds", stream_name=name)
        for name in (CORE_HOT, VENDOR_HOT)
    ]
    age_s = max((age_s for age_s in ages_s if age_s is not None), default=None)
    return Station(
        key="normalize",
        title="normalize",
        role="decode, normalise, store, announce",
        state=at.of("normalize", source=normalize),
        figure=wording.rate(_processed_per_s(normalize)),
        unit="readings processed",
        facts=(("lag", wording.span(age_s)), ("circuit breaker", _breaker_state(normalize))),
    )


def _breaker_state(normalize: Source) -> str:
    """Return the state of the breaker that is in the worst one; nothing where normalize was never asked."""
    found = (state for state in ("tripped", "probing", "running") if _is_in(normalize, state))
    return next(found, wording.share(None))


def _is_in(normalize: Source, state: str) -> bool:
    return bool(normalize.figures.worst("normalize_fuse_state", state=state))


def _letters(situation: Situation, at: _States) -> Station:
    figures = situation.broker.figures
    return Station(
        key=DLQ,
        title=DLQ,
        role="rejected data, kept for review",
        state=at.of(DLQ, "broker", source=situation.broker),
        figure=wording.count(figures.total("dlq_messages_waiting")),
        unit="dead letters",
        facts=(("oldest", wording.span(figures.worst("dlq_oldest_seconds"))),),
    )


def _database(situation: Situation, at: _States) -> Station:
    normalize = situation.normalize
    stored = _of_result(normalize, "success")
    return Station(
        key="database",
        title="PostgreSQL",
        role="records and receipts",
        state=at.of("database", source=situation.database),
        figure=wording.count(stored),
        unit="readings stored since normalize started",
        facts=(
            ("superseded", wording.count(_of_result(normalize, "superseded"))),
            ("answers in", situation.database.fact("answers in")),
        ),
    )


def _lane(situation: Situation, durable: Durable, at: _States) -> Lane:
    figures, labels = situation.broker.figures, {"consumer_name": durable.name}
    return Lane(
        durable=durable.name,
        stream=durable.stream,
        state=at.of(durable.name, "broker", source=situation.broker),
        note=at.note(durable.name),
        pending=wording.count(figures.total("jetstream_consumer_num_pending", **labels)),
        unacknowledged=wording.count(figures.total("jetstream_consumer_num_ack_pending", **labels)),
        oldest=wording.span(figures.worst("aa_consumer_oldest_unprocessed_seconds", **labels)),
        time_to_loss=wording.span(figures.least("aa_consumer_time_to_data_loss_seconds", **labels)),
        rate=wording.rate(situation.broker.rate_per_s("jetstream_consumer_ack_floor_stream_seq", **labels)),
    )


def _accounting(situation: Situation, at: _States) -> Accounting:
    names = (
        ("stored", "success"),
        ("superseded by a later capture", "superseded"),
        ("duplicates of another message", "duplicate"),
        ("dead-lettered: shape", "schema_invalid"),
        ("dead-lettered: invalid, or at max_deliver", "dlq"),
    )
    rows = tuple((name, wording.count(_of_result(situation.normalize, result))) for name, result in names)
    figures = situation.normalize.figures
    ledgers = figures.names("ledger_")
    unaccounted = sum(value for name in ledgers for value in figures.values(name)) if ledgers else None
    return Accounting(rows, wording.count(unaccounted), at.of("accounting", source=situation.normalize))


def _servers(situation: Situation, at: _States) -> Iterator[Server]:
    for key, name, source, about in (
        ("broker", "nats-server", situation.broker, "flushes before it acknowledges"),
        ("database", "PostgreSQL", situation.database, "schema is current"),
        ("ingest", "ingest", situation.ingest, "ready"),
        ("normalize", "normalize", situation.normalize, "ready"),
    ):
        note = source.problem or source.fact("note") or (about if source.latest else "not asked yet")
        yield Server(name, at.of(key, source=source), source.fact("version"), note)


def _pending(situation: Situation, stream: str) -> float | None:
    figures, labels = situation.broker.figures, {"stream_name": stream}
    pending = figures.total("jetstream_consumer_num_pending", **labels)
    unacknowledged = figures.total("jetstream_consumer_num_ack_pending", **labels)
    return None if pending is None or unacknowledged is None else pending + unacknowledged


def _of_result(source: Source, result: str) -> float | None:
    names = [name for name in source.figures.names("normalize_") if name.endswith("_readings_total")]
    found = [value for name in names for value in source.figures.values(name, result=result)]
    return sum(found) if found else None


def _processed_per_s(source: Source) -> float | None:
    names = [name for name in source.figures.names("normalize_") if name.endswith("_readings_total")]
    known = [rate for name in names if (rate := source.rate_per_s(name)) is not None]
    return sum(known) if known else None
