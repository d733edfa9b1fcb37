"""The table of headers: which message has which."""

from reference_headers import (
    BY_SENDER,
    COPIED,
    ON_ALL,
    ON_DEAD_LETTERS,
    ON_FETCHED,
    ON_PARTS,
    ON_RAW,
    ON_REPLAYS,
    ON_UNPACKED,
    ON_WEBHOOKS,
    SOMETIMES,
    SOMETIMES_ON_DEAD_LETTERS,
)
from reference_markdown import code, table


def headers_table() -> str:
    """Return a row for each header."""
    where = {
        "all": ON_ALL,
        "raw readings, records, fetched documents; copied to dead letters": COPIED | SOMETIMES,
        "webhooks, beside those of an event (`ce-`)": ON_WEBHOOKS,
        "parts of a webhook": ON_PARTS,
        "raw readings": ON_RAW,
        "raw readings; copied to dead letters": BY_SENDER,
        "raw readings that came with a webhook, fetched documents": ON_UNPACKED,
        "fetched documents": ON_FETCHED,
        "dead letters": ON_DEAD_LETTERS,
        "some dead letters": SOMETIMES_ON_DEAD_LETTERS,
        "redrive lane": ON_REPLAYS,
    }
    rows = [(code(name), on, meaning) for on, described in where.items() for name, meaning in described.items()]
    return table(("header", "on", "meaning"), rows)
