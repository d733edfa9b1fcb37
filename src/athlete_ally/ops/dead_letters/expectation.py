"""The expected value and the remedy for an error of today's code. Pure."""

import re
from dataclasses import dataclass

_LIMIT = "a faulty sensor or a wrong unit: tell the sender; if the limit is wrong, change it and replay"
_CONTRACT = "the sender must keep to the contract; `dlq edit` corrects single dead letters"
_SEND_IT = "ask the sender to send it, or add it with `dlq edit`"
_DEFAULT = "read the error; once the cause is fixed, `dlq test` predicts whether it would pass"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was expected instead of the rejected value, and what to do about it."""

    expected: str
    remedy: str


# Pattern of the error, what replaces it in the text, remedy; the first pattern that is found counts.
_RULES: tuple[tuple[str, str, str], ...] = (
    (
        r"unknown field; did you mean '([^']+)'\?.*",
        r"the field '\1', or the value under raw",
        r"a misspelt \1? `dlq edit` renames it; tell the sender",
    ),
    (
        r"unknown field; .*",
        "a field of this kind; other fields belong under raw",
        "ask the sender to put it under raw, or add the field to the kind; then replay",
    ),
    (r"not in \(([^,]+), ([^\]]+)\](?: (.+))?", r"above \1 and at most \2 \3", _LIMIT),
    (r"not in \[([^,]+), ([^\]]+)\](?: (.+))?", r"from \1 to \2 \3", _LIMIT),
    (r"required, but missing", "a value", _SEND_IT),
    (r"needed: ", "", _SEND_IT),
    (r"\bmust be (?=.*\b(?:2000|hours))", "", "the clock of the device or the date is wrong: tell the sender"),
    (r"\bmust be ", "", _CONTRACT),
    (r"Object missing required field (`\w+`)", r"an object with the field \1", _SEND_IT),
    (r"Expected (.+?), got `\w+`", r"\1", _CONTRACT),
    (r"Expected ", "", _CONTRACT),
    (r"Invalid enum value '\.\.\.'", "one of the values that the HTTP interface lists", _CONTRACT),
    (r"Invalid RFC3339 encoded datetime", "a date and time as 2026-01-31T06:30:00+01:00", _CONTRACT),
    (r"Invalid RFC3339 encoded date", "a date as 2026-01-31", _CONTRACT),
    (
        r"no person is linked to this account",
        "an account that is linked to a person",
        "link the account with `athlete-ally accounts add`; then replay",
    ),
    (
        r"no person connected this account.*",
        "an account that a person connected",
        "the person has to connect (`athlete-ally connect link`); then replay",
    ),
    (
        r"the permission is \w+.*|the vendor no longer accepts the permission.*",
        "an active permission of the person",
        "the person has to connect again (`athlete-ally connect link`); then replay",
    ),
    (
        r"the database refuses the row \(SQLSTATE (\w+)\)",
        r"a row that the database accepts (SQLSTATE \1)",
        "look up the SQLSTATE; a constraint of the table refuses the row",
    ),
    (
        r"(?s)the body is not (\{\"readings\": \[\.\.\.\]\}).*",
        r"a body of the form \1",
        "no reading can be found in it: tell the publisher, then `dlq resolve` it",
    ),
    (
        r"handled (\d+) times and never came to an end",
        "a worker that survives it",
        "it stopped the worker each time: find the crash in its log before any replay",
    ),
)


def expectation(error: str) -> Expectation:
    """Return what today's code expected where it reports this error; an error without a rule is returned as it is."""
    for pattern, replacement, remedy in _RULES:
        found = re.search(pattern, error)
        if found is None:
            continue
        text = error[: found.start()] + found.expand(replacement) + error[found.end() :]
        return Expectation(text.strip(), found.expand(remedy))
    return Expectation(error, _DEFAULT)
