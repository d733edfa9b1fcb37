"""What `athlete-ally backfill` refuses before it connects anywhere."""

import pytest
from support.commands import in_process


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("oura", "--from", "2026-03-01", "--to", "2026-02-01"),
            "--from 2026-03-01 is after --to 2026-02-01: swap them",
        ),
        (
            ("oura", "--from", "2026-03-01", "--to", "2999-01-01"),
            "--to 2999-01-01 is in the future: the last possible day is today",
        ),
        (("oura", "--from", "2026-02-30", "--to", "2026-03-01"), "--from 2026-02-30: expected a date such as"),
        (("oura", "--from", "1926-02-01", "--to", "2026-03-01"), "--from 1926-02-01 is too early"),
        (("garmin", "--from", "2026-02-01", "--to", "2026-03-01"), "garmin: only pushes its data"),
        (
            ("ourra", "--from", "2026-02-01", "--to", "2026-03-01"),
            "ourra: no such vendor; vendors that can be back-filled",
        ),
        (
            ("oura", "--from", "2026-02-01", "--to", "2026-03-01"),
            "AA_OURA_CLIENT_ID and AA_OURA_CLIENT_SECRET: set both",
        ),
    ],
)
def test_what_can_not_be_done_is_said(arguments: tuple[str, ...], said: str) -> None:
    """
    Exit code 1 with field, value and remedy; it is never taken for windows that could not be fetched.
    """
    outcome = in_process({}, "backfill", *arguments, "--user", "ada")

    assert (outcome.code, outcome.out) == (1, "")
    assert said in outcome.err


@pytest.mark.parametrize("whose", [(), ("--user", "ada", "--all-connected")])
def test_whose_past_is_said_once(whose: tuple[str, ...]) -> None:
    """
    Nobody, or everybody and somebody: exit code 1.
    """
    outcome = in_process({}, "backfill", "oura", "--from", "2026-02-01", "--to", "2026-03-01", *whose)

    assert (outcome.code, "give either --user or --all-connected" in outcome.err) == (1, True)
