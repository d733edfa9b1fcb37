"""The demo's scenario and reconciliation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from athlete_ally.demo.reconciliation import Heard, Reconciliation, percentile
from athlete_ally.demo.recordings import load
from athlete_ally.demo.report import show, sparkline
from athlete_ally.demo.scenario import BEATS_A_MINUTE_READING, tell
from athlete_ally.demo.webhook_reconciliation import WebhookReconciliation

TODAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURA = WebhookReconciliation(
    title="Oura",
    people=2,
    complaints=[],
    sent=9,
    forged=2,
    refused=2,
    counted=2,
    duplicates=1,
    webhooks={"named": 5, "ignored": 1},
    named=5,
    documents={"unpacked": 5},
    readings=20,
)


def test_the_scenario_is_the_same_every_time() -> None:
    """
    For one day it is always the same requests: gzip with its time, single readings, batches, repeats, mistakes.
    """
    scenario = tell(load(), TODAY)

    assert scenario == tell(load(), TODAY)
    assert {"application/json", "application/x-ndjson"} == {post.headers["Content-Type"] for post in scenario.first}
    assert (bool(scenario.repeats), all(post in scenario.first for post in scenario.repeats)) == (True, True)
    assert scenario.readings == sum(post.readings for post in scenario.first) + sum(
        post.readings for post in scenario.repeats
    )


def test_a_recording_is_cut_into_whole_minutes() -> None:
    """
    No reading of the demo is shorter than the shortest that rMSSD is commonly taken from.
    """
    assert all(recording.beats >= 2 * BEATS_A_MINUTE_READING for recording in load())


def _reconciliation(heard: Heard, stored: int, dead: int, *vendors: WebhookReconciliation) -> Reconciliation:
    return Reconciliation(
        heard=heard,
        vendors={each.title: each for each in vendors},
        stored=stored,
        superseded=0,
        repeated=0,
        dead_lettered=dead,
        pending=0,
        dead_letters_by_reason={},
        records={"hrv": stored},
        latencies_ms=[],
        servers={"nats": "2.15.1", "postgres": "18.6"},
        seconds=1.0,
    )


def test_readings_are_reconciled_only_when_everything_is_found() -> None:
    """
    A reading that was accepted and is nowhere shows as unaccounted; so does one whose request got a 5xx.
    """
    heard = Heard()
    for status, duplicate in ((202, False), (202, False), (202, True), (422, False)):
        heard.hear(status, 1, duplicate=duplicate)
    assert (
        _reconciliation(heard, 1, 1).is_balanced,
        _reconciliation(heard, 1, 0).is_balanced,
        _reconciliation(heard, 1, 0).unaccounted,
    ) == (True, False, 1)

    heard.hear(503, 1, duplicate=False)
    assert _reconciliation(heard, 1, 1).unaccounted == 1


def test_readings_of_vendors_are_reconciled_too() -> None:
    """
    What was unpacked has to be stored like what clients sent, and what came again is not lost.
    """
    reconciliation = _reconciliation(Heard(), 18, 2, OURA)

    assert (reconciliation.is_balanced, replace(reconciliation, stored=17).unaccounted) == (True, 1)
    assert replace(reconciliation, stored=17, repeated=1).is_balanced


@pytest.mark.parametrize(
    ("wrong", "unaccounted", "not_fetched"),
    [
        (replace(OURA, sent=10), 1, 0),
        (replace(OURA, webhooks={"named": 6, "ignored": 1}), -1, 0),
        (replace(OURA, documents={"unpacked": 4}), 0, 1),
        (replace(OURA, refused=1, webhooks={"named": 5, "ignored": 2}), 0, 0),
        (replace(OURA, counted=1), 0, 0),
        (replace(OURA, complaints=["GET of the handshake: 401 is wanted, 200 answered"]), 0, 0),
    ],
    ids=["webhook lost", "webhook twice", "document lost", "forgery believed", "not counted", "handshake wrong"],
)
def test_a_vendor_is_reconciled_only_when_all_is_well(
    wrong: WebhookReconciliation, unaccounted: int, not_fetched: int
) -> None:
    """
    A webhook or a document that is lost, one that is there twice, a stranger who is believed, a refusal that nobody
    counts, a handshake that went wrong: each of them alone is seen, in the verdict, too.
    """
    assert (OURA.is_balanced, wrong.is_balanced) == (True, False)
    assert (unaccounted, not_fetched) == (wrong.unaccounted, wrong.not_fetched)
    assert not _reconciliation(Heard(), 20, 0, wrong).is_balanced


@pytest.mark.parametrize(
    ("vendors", "says"),
    [
        ([OURA], "nothing was lost"),
        ([replace(OURA, documents={"unpacked": 4})], "5 documents named = 4 unpacked + 1 unaccounted"),
        ([replace(OURA, complaints=["HEAD of the handshake: 200 is wanted"])], "Oura: HEAD of the handshake"),
        ([replace(OURA, counted=1)], "THE LEDGER DOES NOT BALANCE"),
    ],
)
def test_what_is_wrong_with_a_vendor_is_seen(vendors: Sequence[WebhookReconciliation], says: str) -> None:
    """
    The picture for people says what the verdict follows from.
    """
    console = Console(width=120, record=True, file=StringIO())
    show(console, _reconciliation(Heard(), 20, 0, *vendors), [], [])

    assert says in console.export_text()


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_covers_its_share(values: list[float], percent: int) -> None:
    """
    At least `percent` of all values are no greater, up to rounding to a tenth.
    """
    found = percentile(values, percent)

    assert found is not None
    assert sum(value <= found + 0.1 for value in values) * 100 >= percent * len(values)


@given(st.lists(st.floats(0, 300)), st.integers(1, 30))
@example([0.0, 5e-324], 2)
def test_a_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    """
    One bar for each value, or for an equal share of them.
    """
    assert min(len(values), width) == len(sparkline(values, width))
