"""The picture of the flow, from figures alone."""

import math
from pathlib import Path

import pytest
from support.command_line import mistake_in, our_commands

from athlete_ally.console.alarms import Alarm, Situation, find_alarms
from athlete_ally.console.figures import Figures, Point, Sample, Source
from athlete_ally.console.flow import ROWS, Flow, build_flow
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, VENDOR_HOT, build_topology

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks" / "alerts"
TOPOLOGY = build_topology(("hrv",), ("oura",))
HRV = "normalize-hrv-durable"


def source(*points: Point, problem: str = "", before: tuple[Sample, ...] = ()) -> Source:
    """Return a source that was read at second 10."""
    return Source(Sample(10.0, Figures(points), {"version": "1"}, problem, read_at_s=10.0), before)


def lag(age_s: float, left_s: float = math.inf) -> tuple[Point, ...]:
    """Return what the broker says of a durable whose oldest message waits."""
    labels = {"stream_name": CORE_HOT, "consumer_name": HRV}
    return (
        Point("aa_consumer_oldest_unprocessed_seconds", labels, age_s),
        Point("aa_consumer_time_to_data_loss_seconds", labels, left_s),
    )


def situation(**sources: Source) -> Situation:
    """Return a world in which all is well, but for these."""
    well = dict.fromkeys(("broker", "database", "ingest", "normalize"), source())
    return Situation(**{**well, **sources})


def alarms(**sources: Source) -> list[tuple[str, str]]:
    """Return station and severity of what is wrong."""
    found = find_alarms(situation(**sources), TOPOLOGY, Thresholds())
    return [(each.station, each.severity) for each in found]


def flow(*, now_s: float = 11.0, **sources: Source) -> Flow:
    """Return the picture of such a world."""
    return build_flow(situation(**sources), TOPOLOGY, Thresholds(), now_s)


def one(name: str, value: float = 1.0, **labels: str) -> Source:
    """Return a source that says one thing."""
    return source(Point(name, labels, value))


def grown(name: str, **labels: str) -> Source:
    """Return a source with a counter that grew between its looks."""
    before = Sample(0.0, Figures([Point(name, labels, 1)]))
    return source(Point(name, labels, 2), before=(before,))


def test_a_quiet_system_has_no_problem() -> None:
    """
    Where every source answers and nothing is over a threshold, nothing needs attention, and it says so.
    """
    assert flow().alarms == ()
    assert flow().summary == "No problems."


def test_a_tripped_breaker_is_one_alarm() -> None:
    """
    Normalize that is not ready because of its circuit breaker is said once, in its words, with the runbook of that.
    """
    said = "normalize stopped storing hrv at 00:29 UTC after 50 failed readings from key:a (25), key:b (25)"
    states = [Point("normalize_fuse_state", {"durable": HRV, "state": "tripped"}, 1)]
    normalize = source(Point("normalize_fuse_open", {"durable": HRV}, 1), *states, problem=said)
    found = flow(normalize=normalize)

    assert [(said, "AaFuseOpen")] == [(each.text, each.runbook) for each in found.alarms]
    assert dict(found.stations["normalize"].facts)["circuit breaker"] == "tripped"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"broker": source(problem="no answer")}, ("broker", "critical")),
        ({"database": source(problem="no answer")}, ("database", "critical")),
        ({"ingest": source(problem="no answer")}, ("ingest", "critical")),
        ({"normalize": one("normalize_fuse_open", durable=HRV)}, ("normalize", "critical")),
        ({"normalize": one("normalize_holding", durable=HRV)}, ("normalize", "warning")),
        ({"normalize": one("ledger_hrv_unaccounted_messages", 3)}, ("accounting", "critical")),
        ({"broker": one("aa_stream_missing", stream_name=DLQ)}, (DLQ, "critical")),
        ({"broker": one("aa_consumer_missing", consumer_name=HRV)}, (HRV, "critical")),
        ({"broker": one("aa_consumer_paused", consumer_name=HRV)}, (HRV, "warning")),
        ({"broker": one("aa_config_differences", 2, object=VENDOR_HOT)}, (VENDOR_HOT, "warning")),
        ({"broker": one("aa_config_differences", 1, object=HRV)}, (HRV, "warning")),
        ({"broker": one("aa_consumer_abandoned_messages", 3, consumer_name=HRV)}, (HRV, "critical")),
        ({"ingest": grown("ingest_refusals_total", cause="broker")}, ("ingest", "critical")),
        ({"ingest": grown("ingest_refusals_total", cause="stream-full")}, ("ingest", "critical")),
        ({"ingest": grown("ingest_refusals_total", cause="payload-limit")}, ("ingest", "critical")),
        ({"ingest": grown("webhook_verification_failures_total", vendor="oura")}, ("ingest", "warning")),
        ({"broker": one("aa_nats_sync_always", 0)}, ("broker", "warning")),
        ({"broker": one("dlq_messages_waiting", 19, subject="x")}, (DLQ, "warning")),
        ({"broker": source(*lag(400, 90_000))}, (HRV, "warning")),
        ({"broker": source(*lag(90_000, 80_000))}, (HRV, "critical")),
    ],
)
def test_a_problem_is_marked_where_it_is(said: dict[str, Source], expected: tuple[str, str]) -> None:
    """
    Each thing that can be wrong is said once, at its station, as bad as it is.
    """
    assert [expected] == alarms(**said)


def test_of_what_is_silent_only_the_silence_is_a_problem() -> None:
    """
    What was wrong before the broker went may be fixed by now, and would only hide what has to be done first.
    """
    point = Point("aa_consumer_paused", {"consumer_name": HRV}, 1)
    silent = Source(Sample(10.0, Figures([point]), problem="no answer", is_stale=True))

    assert alarms(broker=silent) == [("broker", "critical")]


def test_a_stream_that_fills_up_is_critical() -> None:
    """
    A stream above its threshold is an alarm before it refuses.
    """
    labels = {"stream_name": CORE_HOT}
    broker = source(
        Point("jetstream_stream_total_bytes", labels, 85), Point("jetstream_stream_limit_bytes", labels, 100)
    )

    assert alarms(broker=broker) == [(CORE_HOT, "critical")]


def test_the_worst_comes_first_and_is_what_a_listener_hears() -> None:
    """
    What is critical stands before warnings, and the sentence for screen readers begins with it.
    """
    found = flow(broker=one("dlq_messages_waiting", 1, subject="x"), database=source(problem="no answer"))

    assert [each.severity for each in found.alarms] == ["critical", "warning"]
    assert found.summary == "2 things need attention: PostgreSQL: no answer."


def test_every_runbook_and_command_that_is_named_exists() -> None:
    """
    Whatever is wrong, its runbook is there, and its command is one of ours with its options; each alarm has both,
    but for servers, of which no alert of ours speaks.
    """
    labels = {"stream_name": CORE_HOT, "consumer_name": HRV, "object": CORE_HOT, "subject": "x"}
    names = [
        "aa_stream_missing",
        "aa_consumer_missing",
        "aa_consumer_paused",
        "aa_consumer_abandoned_messages",
        "aa_config_differences",
        "dlq_messages_waiting",
        "normalize_fuse_open",
        "normalize_holding",
        "ledger_hrv_unaccounted_messages",
    ]
    lags = (lag(400, 90_000), lag(90_000, 80_000))
    full = (Point("jetstream_stream_total_bytes", labels, 9), Point("jetstream_stream_limit_bytes", labels, 10))
    said = [
        *(source(Point(name, labels, 1)) for name in names),
        *(source(*each) for each in (*lags, full)),
        one("aa_nats_sync_always", 0),
        grown("ingest_refusals_total", cause="broker"),
        grown("webhook_verification_failures_total", vendor="oura"),
        source(problem="down"),
    ]
    found: list[Alarm] = [
        problem
        for each in said
        for problem in find_alarms(situation(broker=each, normalize=each, ingest=each), TOPOLOGY, Thresholds())
    ]
    runbooks = {each.runbook for each in found if each.runbook}

    assert {name for name in runbooks if not (RUNBOOKS / f"{name}.md").is_file()} == set()
    assert len(runbooks) >= len(names)
    assert {each.station for each in found if not each.runbook} == {"broker"}
    commands = [words for each in found for words in our_commands(each.command)]
    assert len(commands) == len(found)
    assert [mistake for words in commands if (mistake := mistake_in(words))] == []


def test_rates_come_from_two_polls_and_survive_a_restart() -> None:
    """
    A counter's rate is its growth over the time between looks; a counter that fell has none yet.
    """

    def at(second: float, value: float) -> Sample:
        return Sample(second, Figures([Point("ingest_readings_accepted_total", {"kind": "hrv"}, value)]))

    assert Source(at(20, 300), (at(10, 100),)).rate_per_s("ingest_readings_accepted_total") == 20.0
    assert Source(at(20, 5), (at(10, 100),)).rate_per_s("ingest_readings_accepted_total") is None
    assert Source(at(20, 5)).rate_per_s("ingest_readings_accepted_total") is None


def test_what_was_never_read_is_unknown_and_not_well() -> None:
    """
    Before the first look no station is green.
    """
    found = build_flow(Situation(Source(), Source(), Source(), Source()), TOPOLOGY, Thresholds(), 0.0)

    assert {station.state for station in found.stations.values()} == {"unknown"}
    assert {lane.state for lane in found.lanes} == {"unknown"}


def test_every_figure_has_its_age() -> None:
    """
    Stations, consumers, accounting and servers say when their figures were read; nothing is old while all answer.
    """
    found = flow(now_s=13.0)
    ages = {each.age.text for each in (*found.stations.values(), found.accounting, *found.servers)}

    assert (ages | {found.lanes_age.text}, found.outdated) == ({"3 s ago"}, ())


SILENT = Source(
    Sample(
        700.0,
        Figures([Point("dlq_messages_waiting", {"subject": "x"}, 0)]),
        problem="no answer",
        is_stale=True,
        read_at_s=10.0,
    )
)


def test_what_was_read_before_a_source_hung_is_old() -> None:
    """
    NATS hangs: what was read of it stays, is marked as old, is no longer called ok, and a banner says since when.
    """
    fresh = Source(Sample(700.0, read_at_s=700.0))
    found = flow(broker=SILENT, database=fresh, ingest=fresh, normalize=fresh, now_s=700.0)

    assert (found.stations[DLQ].figure, dict(found.stations["normalize"].facts)["lag"]) == ("0", "\N{EN DASH}")
    assert {each.key for each in found.stations.values() if each.age.is_old} == {CORE_HOT, VENDOR_HOT, DLQ}
    assert (found.lanes_age.text, found.lanes_age.is_old) == ("12 min ago", True)
    assert [each.text for each in found.outdated] == ["NATS was last read 12 min ago"]
    assert "ok" not in {each.state for each in (*found.lanes, found.stations[DLQ], found.stations[CORE_HOT])}


@pytest.mark.parametrize("name", ["broker", "database", "ingest", "normalize"])
def test_a_console_that_stopped_asking_calls_nothing_ok(name: str) -> None:
    """
    Old figures are unknown, whether or not their source said that it had a problem.
    """
    found = flow(now_s=30.0, **{each: source() for each in ("broker", "database", "ingest", "normalize")})
    never = build_flow(situation(**{name: Source()}), TOPOLOGY, Thresholds(), 11.0)

    assert {each.state for each in (*found.stations.values(), *found.lanes, found.accounting, *found.servers)} == {
        "unknown"
    }
    assert (len(found.outdated), len(never.outdated)) == (4, 1)


def test_a_restart_of_normalize_empties_nothing_of_the_database() -> None:
    """
    The card of PostgreSQL shows what PostgreSQL says, not what normalize counted since its start.
    """
    restarted = flow(database=one(ROWS, 12_345), normalize=source())

    assert (restarted.stations["database"].figure, restarted.stations["database"].age.text) == ("12,345", "1 s ago")
