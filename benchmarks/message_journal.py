"""Measure what the message journal costs: requests a second with it, as a share of those without, in one run.

Starts `athlete-ally up` twice in throw-away directories, once with AA_MESSAGE_JOURNAL=required and once with off, and
sends to them by turns, so that whatever else the machine does hits both. Run it from the project:

    uv run --with psutil benchmarks/message_journal.py

Each figure is the median over pairs of rounds; the order within a pair changes from pair to pair. Nothing is asserted.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from pipeline import Up, reading

MODES = ("off", "required")


def main() -> None:
    """Run all pairs and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10, help="pairs of rounds for each figure (default 10)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round (default 4)")
    parser.add_argument("--singles", type=int, default=32, help="senders of single readings at once (default 32)")
    parser.add_argument("--batches", type=int, default=8, help="senders of batches of 500 at once (default 8)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures = asyncio.run(measure(options))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<50} {value}")


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with ExitStack() as stack:
            ups = {mode: stack.enter_context(Up(Path(folder) / mode, {"AA_MESSAGE_JOURNAL": mode})) for mode in MODES}
            for up in ups.values():
                await up.wait()
            numbers = count()
            singles = await pairs(ups, options, numbers, size=1, senders=options.singles)
            batches = await pairs(ups, options, numbers, size=500, senders=options.batches)
    return {**compared("single readings", singles), **compared("batches of 500", batches)}


async def pairs(
    ups: dict[str, Up], options: argparse.Namespace, numbers: Iterator[int], *, size: int, senders: int
) -> dict[str, list[float]]:
    """Return the requests a second of each round, by mode; the first pair warms up and does not count."""
    rates: dict[str, list[float]] = {mode: [] for mode in MODES}
    for pair in range(options.pairs + 1):
        for mode in MODES if pair % 2 else reversed(MODES):
            rate = await one_round(ups[mode], options.seconds, next(numbers), size=size, senders=senders)
            if pair:
                rates[mode].append(rate)
    return rates


async def one_round(up: Up, seconds: float, number: int, *, size: int, senders: int) -> float:
    """Send for so long, and return the requests a second that were answered; return once all of it is stored."""
    before, answered = await up.stored(), 0
    end_at_s = time.perf_counter() + seconds

    async def sender(name: int) -> None:
        nonlocal answered
        for request in count():
            if time.perf_counter() >= end_at_s:
                return
            person = f"{number}-{name}-{request}"
            body: Any = [reading(person, each) for each in range(size)] if size > 1 else reading(person, 0)
            (await client.post("/api/v1/ingest/hrv", json=body)).raise_for_status()
            answered += 1

    limits = httpx.Limits(max_connections=senders)
    started_s = time.perf_counter()
    async with httpx.AsyncClient(base_url=up.url, timeout=30, trust_env=False, limits=limits) as client:
        await asyncio.gather(*map(sender, range(senders)))
    rate = answered / (time.perf_counter() - started_s)
    await up.settled(before + answered * size)
    return rate


def compared(what: str, rates: dict[str, list[float]]) -> dict[str, Any]:
    """Return the rates, and the median and quartiles of their ratios, pair by pair."""
    ratios = [with_it / without for without, with_it in zip(rates["off"], rates["required"], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        f"{what}: requests a second without": round(statistics.median(rates["off"])),
        f"{what}: requests a second with": round(statistics.median(rates["required"])),
        f"{what}: ratio, median of {len(ratios)} pairs": round(middle, 3),
        f"{what}: quartiles of the ratio": f"{low:.3f} {high:.3f}",
    }


if __name__ == "__main__":
    main()
