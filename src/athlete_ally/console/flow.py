"""The picture of the flow: its stations, its lanes, its books. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from athlete_ally.console import wording
from athlete_ally.console.alarms import Trouble, World, find_troubles, used_share
from athlete_ally.console.figures import Source
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, VENDOR_HOT, Durable, Topology

State = Literal["ok", "warning", "critical", "unknown"]


@dataclass(frozen=True, slots=True)
class Station:
    """One box of the picture: a large figure, what it counts, and smaller facts as (name, value)."""

    key: str
    title: str
    role: str
    state: State
    figure: str
    unit: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One durable: what waits for it, for how long, and when the first of it would be deleted."""

    durable: str
    stream: str
    state: State
    note: str
    waiting: str
    in_hand: str
    oldest: str
    time_to_loss: str
    rate: str


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger: where the readings went that normalize has settled since it started."""

    rows: tuple[tuple[str, str], ...]
    unaccounted: str
    state: State


@dataclass(frozen=True, slots=True)
class Server:
    """A program that all depends on."""

    name: str
    state: State
    version: str
    note: str


@dataclass(frozen=True, slots=True)
class Flow:
    """All that the page shows."""

    troubles: tuple[Trouble, ...]
    stations: Mapping[str, Station]
    lanes: tuple[Lane, ...]
    books: Books
    servers: tuple[Server, ...]

    @property
    def summary(self) -> str:
        """Return one sentence on how things are, for those who listen instead of looking."""
        if not self.troubles:
            return "All is well."
        one = "1 thing needs attention" if len(self.troubles) == 1 else f"{len(self.troubles)} things need attention"
        return f"{one}: {self.troubles[0].text}."


def build_flow(world: World, desired: Topology, thresholds: Thresholds) -> Flow:
    """Return the picture of what was read last."""
    troubles = find_troubles(world, desired, thresholds)
    at = _States(troubles)
    stations = [
        _senders(world),
        _ingest(world, at),
        _stream(world, CORE_HOT, "readings, on disk", at),
        _stream(world, VENDOR_HOT, "webhooks as received", at),
        _normalize(world, at),
        _letters(world, at),
        _database(world, at),
    ]
    return Flow(
        troubles=troubles,
        stations={station.key: station for station in stations},
        lanes=tuple(
            sorted((_lane(world, durable, at) for durable in desired.durables), key=lambda lane: lane.state == "ok")
        ),
        books=_books(world, at),
        servers=tuple(_servers(world, at)),
    )


@dataclass(frozen=True, slots=True)
class _States:
    troubles: Sequence[Trouble]

    def of(self, *stations: str, source: Source | None = None) -> State:
        """Return the worst state of these stations; unknown where a source was never read."""
        found = {each.severity for each in self.troubles if each.station in stations}
        if found:
            return "critical" if "critical" in found else "warning"
        return "unknown" if source is not None and source.latest is None else "ok"

    def note(self, station: str) -> str:
        return next((each.text for each in self.troubles if each.station == station), "")


def _senders(world: World) -> Station:
    ingest = world.ingest
    refused = ingest.figures.total("ingest_refusals_total")
    sent = ingest.rate_per_s("ingest_requests_total")
    return Station(
        key="senders",
        title="Senders",
        role="clients send readings, vendors send webhooks",
        state="unknown" if ingest.latest is None or ingest.trouble else "ok",
        figure=wording.rate(sent),
        unit="requests",
        facts=(
            ("requests", wording.count(ingest.figures.total("ingest_requests_total"))),
            ("refused", wording.count(refused)),
        ),
    )


def _ingest(world: World, at: _States) -> Station:
    figures = world.ingest.figures
    return Station(
        key="ingest",
        title="ingest",
        role="verify, identify, publish; 2xx after the stream's ack",
        state=at.of("ingest", source=world.ingest),
        figure=wording.rate(world.ingest.rate_per_s("ingest_readings_accepted_total")),
        unit="readings accepted",
        facts=(
            ("accepted", wording.count(figures.total("ingest_readings_accepted_total"))),
            ("duplicates", wording.count(figures.total("ingest_readings_duplicate_total"))),
        ),
    )


def _stream(world: World, name: str, role: str, at: _States) -> Station:
    figures = world.broker.figures
    used = used_share(figures, name)
    return Station(
        key=name,
        title=name,
        role=role,
        state=at.of(name, "broker", source=world.broker),
        figure=wording.count(figures.total("jetstream_stream_total_messages", stream_name=name)),
        unit="messages kept",
        facts=(
            ("waiting", wording.count(_waiting(world, name))),
            ("room used", f"{used:.1%}" if used is not None else wording.share(None)),
        ),
    )


def _normalize(world: World, at: _States) -> Station:
    normalize = world.normalize
    is_open = bool(normalize.figures.worst("normalize_fuse_open"))
    ages_s = [
        world.broker.figures.worst("aa_consumer_oldest_unprocessed_seconds", stream_name=name)
        for name in (CORE_HOT, VENDOR_HOT)
    ]
    age_s = max((age_s for age_s in ages_s if age_s is not None), default=None)
    fuse = wording.share(None) if normalize.latest is None else "open" if is_open else "closed"
    return Station(
        key="normalize",
        title="normalize",
        role="decode, normalise, store, announce",
        state=at.of("normalize", source=normalize),
        figure=wording.rate(_settled_per_s(normalize)),
        unit="readings settled",
        facts=(("lag", wording.span(age_s)), ("fuse", fuse)),
    )


def _letters(world: World, at: _States) -> Station:
    figures = world.broker.figures
    return Station(
        key=DLQ,
        title=DLQ,
        role="dead letters, kept for a person",
        state=at.of(DLQ, "broker", source=world.broker),
        figure=wording.count(figures.total("dlq_messages_waiting")),
        unit="dead letters",
        facts=(("oldest", wording.span(figures.worst("dlq_oldest_seconds"))),),
    )


def _database(world: World, at: _States) -> Station:
    normalize = world.normalize
    stored = _of_result(normalize, "success")
    return Station(
        key="database",
        title="PostgreSQL",
        role="records and receipts",
        state=at.of("database", source=world.database),
        figure=wording.count(stored),
        unit="readings stored",
        facts=(
            ("superseded", wording.count(_of_result(normalize, "superseded"))),
            ("answers in", world.database.fact("answers in")),
        ),
    )


def _lane(world: World, durable: Durable, at: _States) -> Lane:
    figures, labels = world.broker.figures, {"consumer_name": durable.name}
    return Lane(
        durable=durable.name,
        stream=durable.stream,
        state=at.of(durable.name, "broker", source=world.broker),
        note=at.note(durable.name),
        waiting=wording.count(figures.total("jetstream_consumer_num_pending", **labels)),
        in_hand=wording.count(figures.total("jetstream_consumer_num_ack_pending", **labels)),
        oldest=wording.span(figures.worst("aa_consumer_oldest_unprocessed_seconds", **labels)),
        time_to_loss=wording.span(figures.least("aa_consumer_time_to_data_loss_seconds", **labels)),
        rate=wording.rate(world.broker.rate_per_s("jetstream_consumer_ack_floor_stream_seq", **labels)),
    )


def _books(world: World, at: _States) -> Books:
    names = (
        ("stored", "success"),
        ("superseded by a later capture", "superseded"),
        ("duplicates of another message", "duplicate"),
        ("dead-lettered: shape", "schema_invalid"),
        ("dead-lettered: value, or given up", "dlq"),
    )
    rows = tuple((name, wording.count(_of_result(world.normalize, result))) for name, result in names)
    figures = world.normalize.figures
    ledgers = figures.names("ledger_")
    unaccounted = sum(value for name in ledgers for value in figures.values(name)) if ledgers else None
    return Books(rows, wording.count(unaccounted), at.of("books", source=world.normalize))


def _servers(world: World, at: _States) -> Iterator[Server]:
    for key, name, source, about in (
        ("broker", "nats-server", world.broker, "flushes before it acknowledges"),
        ("database", "PostgreSQL", world.database, "schema is current"),
        ("ingest", "ingest", world.ingest, "ready"),
        ("normalize", "normalize", world.normalize, "ready"),
    ):
        note = source.trouble or source.fact("note") or (about if source.latest else "not asked yet")
        yield Server(name, at.of(key, source=source), source.fact("version"), note)


def _waiting(world: World, stream: str) -> float | None:
    figures, labels = world.broker.figures, {"stream_name": stream}
    pending = figures.total("jetstream_consumer_num_pending", **labels)
    in_hand = figures.total("jetstream_consumer_num_ack_pending", **labels)
    return None if pending is None or in_hand is None else pending + in_hand


def _of_result(source: Source, result: str) -> float | None:
    names = [name for name in source.figures.names("normalize_") if name.endswith("_readings_total")]
    found = [value for name in names for value in source.figures.values(name, result=result)]
    return sum(found) if found else None


def _settled_per_s(source: Source) -> float | None:
    names = [name for name in source.figures.names("normalize_") if name.endswith("_readings_total")]
    known = [rate for name in names if (rate := source.rate_per_s(name)) is not None]
    return sum(known) if known else None
