"""What is said of a settled message: every reading counted once, and nobody named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.fakes import FakeLog, FakeObserver
from support.samples import NOON, hrv_record, request

from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.receipts import Receipt, Rejected, StoreRequest
from athlete_ally.core.series import every, normalize_series
from athlete_ally.measurements import KINDS
from athlete_ally.normalize.dead_letters import dead_letters
from athlete_ally.normalize.report import Reporter

SERIES = normalize_series(KINDS, [])
HRV = SERIES.kinds["hrv"]
PERSON = "a-person-with-a-name"
RECORDS = [hrv_record(PERSON, rmssd=41.25, minutes_ago=minutes) for minutes in (1, 2, 3)]
BROKEN = Rejected(3, "schema-invalid", "rmssd: Expected `float`")
IMPOSSIBLE = Rejected(4, "non-retryable", "rmssd: not in (0, 300] ms")
DELIVERY = Delivery(
    stream="AA_CORE_HOT",
    sequence=1,
    subject="athlete-ally.hrv.raw-received",
    consumer="normalize-hrv-durable",
    body=b'{"readings":[1,2,3,4,5]}',
    headers={},
    attempt=2,
    stored_at=NOON,
    token=None,
)


class Reported:
    """A reporter over fakes; the observer refuses label sets that were not initialised."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self.observer = FakeObserver(list(every(SERIES)))
        self.log = FakeLog()
        self.reporter = Reporter("hrv", SERIES, self.observer, self.log)

    def settle(self, whole: StoreRequest, at: datetime = NOON, **receipt: Any) -> "Reported":
        """Report this receipt of a lot."""
        values: dict[str, Any] = {
            "is_redelivery": False,
            "is_duplicate": False,
            "stored": (),
            "superseded": 0,
            "rejected": whole.rejected,
            **receipt,
        }
        found = Receipt(**values)
        letters = dead_letters("hrv", DELIVERY, whole, found.rejected, at=at)
        self.reporter.settled(DELIVERY, whole, found, letters, at)
        return self

    def messages(self, result: str) -> float:
        """Return how many messages had this result."""
        return self.observer.total(HRV.messages, result)

    def readings(self, *results: str) -> Sequence[float]:
        """Return how many readings ended in each of these ways."""
        return [self.observer.total(HRV.readings, result) for result in results]


def test_every_reading_is_counted_where_it_ended() -> None:
    """
    Of five readings one is stored, two were superseded, one was malformed, one impossible: together the five.
    """
    whole = request(*RECORDS, rejected=(BROKEN, IMPOSSIBLE))
    reported = Reported().settle(whole, stored=(RECORDS[0],), superseded=2)

    assert reported.readings("success", "superseded", "duplicate", "schema_invalid", "dlq") == [1, 2, 0, 1, 1]
    assert whole.readings == sum(reported.readings("success", "superseded", "duplicate", "schema_invalid", "dlq"))


@pytest.mark.parametrize(
    ("rejected", "result"),
    [((), "success"), ((IMPOSSIBLE,), "dlq"), ((BROKEN,), "schema_invalid"), ((IMPOSSIBLE, BROKEN), "schema_invalid")],
)
def test_a_message_has_one_result(rejected: tuple[Rejected, ...], result: str) -> None:
    """
    It is counted once, by the worst that happened to a reading of it.
    """
    reported = Reported().settle(request(*RECORDS, rejected=rejected), stored=tuple(RECORDS))

    assert reported.messages(result) == 1
    results = ("success", "duplicate", "retry", "schema_invalid", "dlq")
    assert sum(reported.messages(each) for each in results) == 1


@pytest.mark.parametrize("repeated", [{"is_redelivery": True}, {"is_duplicate": True}])
def test_what_was_done_before_is_a_duplicate(repeated: dict[str, Any]) -> None:
    """
    Whether the message or only its content came again: all its readings are duplicates, and none counts twice.
    """
    reported = Reported().settle(request(*RECORDS), stored=tuple(RECORDS), **repeated)

    assert (reported.readings("success", "duplicate"), reported.messages("duplicate")) == ([0, 3], 1)


def test_each_letter_is_counted_by_its_reason() -> None:
    """
    Two reasons are two letters, each under its own subject.
    """
    reported = Reported().settle(request(rejected=(BROKEN, IMPOSSIBLE)))
    found = [
        reported.observer.value(
            SERIES.dead_letters, "normalize-hrv-durable", each, f"dlq.normalize.hrv.raw-received.{each}"
        )
        for each in ("schema-invalid", "non-retryable", "max-deliver")
    ]

    assert found == [1, 1, 0]


@pytest.mark.parametrize(("later_s", "latency_s"), [(2.5, 2.5), (-3.0, 0.0)])
def test_latency_is_never_negative(later_s: float, latency_s: float) -> None:
    """
    From receipt to store; where two machines' clocks differ, at least nothing.
    """
    reported = Reported().settle(request(*RECORDS), at=NOON + timedelta(seconds=later_s), stored=tuple(RECORDS))

    assert {(HRV.latency.name, "normalize-hrv-durable"): [latency_s]} == reported.observer.observations


def test_a_settled_message_is_one_line_without_a_person() -> None:
    """
    A warning where readings were lost to AA_DLQ, otherwise a line for developers; never a user id or a value.
    """
    well = Reported().settle(request(*RECORDS), stored=tuple(RECORDS)).log.lines
    badly = Reported().settle(request(*RECORDS, rejected=(IMPOSSIBLE,)), stored=tuple(RECORDS)).log.lines

    assert [(line.level, line.event) for line in (*well, *badly)] == [("debug", "settled"), ("warning", "settled")]
    assert [text in repr([*well, *badly]) for text in (PERSON, "41.25")] == [False, False]


def test_a_bug_is_told_by_type_and_place() -> None:
    """
    Its text may quote a reading, so that only where it happened is logged.
    """
    reported = Reported()
    with pytest.raises(ValueError, match=PERSON) as error:
        _fail()
    reported.reporter.unforeseen(DELIVERY, error.value)
    reported.reporter.unforeseen(DELIVERY, ValueError(PERSON))
    raised, never_raised = reported.log.named("unforeseen")

    assert (raised.fields["type"], never_raised.fields["place"]) == ("ValueError", "unknown")
    assert str(raised.fields["place"]).startswith(__file__)
    assert PERSON not in repr(reported.log.lines)


def test_what_an_operator_must_see_is_said_aloud() -> None:
    """
    A message given back is a warning, a retry is not.
    """
    reported = Reported()
    reported.reporter.given_back(DELIVERY, "AA_DLQ takes no more messages")
    reported.reporter.retried(DELIVERY)

    assert [line.level for line in reported.log.lines] == ["warning", "info"]
    assert reported.messages("retry") == 1


@pytest.mark.parametrize(("later_s", "fresh"), [(60.0, 3), (60.5, 0)])
def test_a_reading_is_fresh_for_a_minute(later_s: float, fresh: int) -> None:
    """
    Stored or superseded within the objective; afterwards it is late, and what was done before counts once.
    """
    reported = Reported().settle(
        request(*RECORDS), at=NOON + timedelta(seconds=later_s), stored=(RECORDS[0],), superseded=2
    )
    reported.settle(request(*RECORDS), is_duplicate=True)

    assert reported.observer.value(HRV.fresh, "normalize-hrv-durable") == fresh


def test_a_trace_is_named_in_the_log_and_as_an_example() -> None:
    """
    From a slow message in a histogram, or a line in the log, the trace can be found.
    """
    reported = Reported()
    trace = "0af7651916cd43dd8448eb211c80319c"
    delivery = replace(DELIVERY, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    receipt = Receipt(is_redelivery=False, is_duplicate=False, stored=tuple(RECORDS), superseded=0, rejected=())
    reported.reporter.settled(delivery, request(*RECORDS), receipt, [], NOON)

    assert [trace] == reported.observer.examples
    assert reported.log.lines[0].fields["trace_id"] == trace


@pytest.mark.parametrize("event", ["retry", "given-back", "unforeseen"])
def test_what_goes_wrong_names_its_trace(event: str) -> None:
    """
    Every line about a message leads to its trace.
    """
    reported = Reported()
    trace = "0af7651916cd43dd8448eb211c80319c"
    delivery = replace(DELIVERY, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-00"})
    {
        "retry": lambda: reported.reporter.retried(delivery),
        "given-back": lambda: reported.reporter.given_back(delivery, "full"),
        "unforeseen": lambda: reported.reporter.unforeseen(delivery, ValueError()),
    }[event]()
    (line,) = reported.log.lines

    assert (event, trace, 1) == (line.event, line.fields["trace_id"], line.fields["sequence"])


def _fail() -> None:
    raise ValueError(PERSON)
