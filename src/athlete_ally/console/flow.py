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
ROWS = "rows_estimate"
"""The figure of the database: rows of all kinds. It is the database's own, and survives a restart of normalize."""
# A source is asked every two seconds, and answers within four.
_OLD_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Age:
    """How old figures are; old ones may be wrong by now."""

    text: str
    is_old: bool


@dataclass(frozen=True, slots=True)
class Outdated:
    """A source whose figures are old: its name, and when they were read (None: never)."""

    name: str
    age_s: float | None

    @property
    def text(self) -> str:
        """Return what is shown of it in one line."""
        if self.age_s is None:
            return f"{self.name} was never read"
        return f"{self.name} was last read {wording.seconds_ago(self.age_s)}"


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
    age: Age


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
    age: Age


@dataclass(frozen=True, slots=True)
class Server:
    """A service, or a server they depend on."""

    name: str
    state: State
    version: str
    note: str
    age: Age


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything that the page shows."""

    alarms: tuple[Alarm, ...]
    stations: Mapping[str, Station]
    lanes: tuple[Lane, ...]
    lanes_age: Age
    accounting: Accounting
    servers: tuple[Server, ...]
    outdated: tuple[Outdated, ...]

    @property
    def summary(self) -> str:
        """Return the state in one sentence, for screen readers."""
        if not self.alarms:
            return "No problems."
        one = "1 thing needs attention" if len(self.alarms) == 1 else f"{len(self.alarms)} things need attention"
        return f"{one}: {self.alarms[0].text}."


def build_flow(situation: Situation, desired: Topology, thresholds: Thresholds, now_s: float) -> Flow:
    """Return the overview of the latest figures; `now_s` is the time on the clock of the samples."""
    alarms = find_alarms(situation, desired, thresholds)
    at = _States(alarms, now_s)
    stations = [
        _senders(situation, at),
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
        lanes_age=at.age(situation.broker),
        accounting=_accounting(situation, at),
        servers=tuple(_servers(situation, at)),
        outdated=tuple(_outdated(situation, at)),
    )


@dataclass(frozen=True, slots=True)
class _States:
    alarms: Sequence[Alarm]
    now_s: float

    def of(self, *stations: str, source: Source) -> State:
        """Return the worst state of these stations; unknown when the source's figures are old, or it was never read."""
        found = {each.severity for each in self.alarms if each.station in stations}
        if found:
            return "critical" if "critical" in found else "warning"
        return "unknown" if self.age(source).is_old else "ok"

    def age(self, source: Source) -> Age:
        """Return the age of a source's figures."""
        age_s = source.age_s(self.now_s)
        is_stale = source.latest is not None and source.latest.is_stale
        text = "never read" if age_s is None else wording.seconds_ago(age_s)
        return Age(text, is_old=age_s is None or is_stale or age_s > _OLD_AFTER_S)

    def note(self, station: str) -> str:
        return next((each.text for each in self.alarms if each.station == station), "")


def _outdated(situation: Situation, at: _States) -> Iterator[Outdated]:
    for name, source in (
        ("NATS", situation.broker),
        ("PostgreSQL", situation.database),
        ("ingest", situation.ingest),
        ("normalize", situation.normalize),
    ):
        if at.age(source).is_old:
            yield Outdated(name, source.age_s(at.now_s))


def _senders(situation: Situation, at: _States) -> Station:
    ingest = situation.ingest
    refused = ingest.figures.total("ingest_refusals_total")
    sent = ingest.rate_per_s("ingest_requests_total")
    return Station(
        key="senders",
        title="Senders",
        role="clients send readings, vendors send webhooks",
        state="unknown" if ingest.problem or at.age(ingest).is_old else "ok",
        figure=wording.rate(sent),
        unit="requests",
        facts=(
            ("requests", wording.count(ingest.figures.total("ingest_requests_total"))),
            ("refused", wording.count(refused)),
            ("webhooks", wording.count(ingest.figures.total("webhook_requests_total"))),
            ("webhooks refused", wording.count(ingest.figures.total("webhook_verification_failures_total"))),
        ),
        age=at.age(ingest),
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
        age=at.age(situation.ingest),
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
        age=at.age(situation.broker),
    )


def _normalize(situation: Situation, at: _States) -> Station:
    normalize = situation.normalize
    ages_s = [
        situation.broker.current.worst("aa_consumer_oldest_unprocessed_seconds", stream_name=name)
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
        age=at.age(normalize),
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
        age=at.age(situation.broker),
    )


def _database(situation: Situation, at: _States) -> Station:
    database = situation.database
    return Station(
        key="database",
        title="PostgreSQL",
        role="records and receipts",
        state=at.of("database", source=database),
        figure=wording.count(database.figures.total(ROWS)),
        unit="rows, as PostgreSQL estimates",
        facts=(("answers in", database.fact("answers in")),),
        age=at.age(database),
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
    state, age = at.of("accounting", source=situation.normalize), at.age(situation.normalize)
    return Accounting(rows, wording.count(unaccounted), state, age)


def _servers(situation: Situation, at: _States) -> Iterator[Server]:
    for key, name, source, about in (
        ("broker", "nats-server", situation.broker, "flushes before it acknowledges"),
        ("database", "PostgreSQL", situation.database, "schema is current"),
        ("ingest", "ingest", situation.ingest, "ready"),
        ("normalize", "normalize", situation.normalize, "ready"),
    ):
        note = source.problem or source.fact("note") or (about if source.latest else "not asked yet")
        yield Server(name, at.of(key, source=source), source.fact("version"), note, at.age(source))


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
