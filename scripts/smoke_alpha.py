# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""Check the whole path from outside: readings go in at ingest and are seen as records at normalize, in time.

Sends a few readings of people called `smoke-...`; imports nothing of the package that it examines.
"A record is visible" means: normalize counted one more success of that kind after the post.
"""

import re
import sys
import time
from collections import Counter
from functools import partial

from smoke_checks import READINGS, accept, expect_status, healthy, ready, recognises_duplicate
from smoke_client import Service
from smoke_options import Options, seconds
from smoke_report import Check, Failed, examine

# How often normalize is asked: fine enough to tell the delay, coarse enough not to be load.
POLL_S = 0.2


def tally(normalize: Service, kind: str) -> Counter[str]:
    """Return how many readings of `kind` normalize has counted, by result."""
    answer = normalize.get("/metrics")
    expect_status(answer, 200, of="GET /metrics")
    counted: Counter[str] = Counter()
    sample = rf"^normalize_{kind}_readings_total{{(.*)}} (\S+)"
    for labels, value in re.findall(sample, answer.body.decode(errors="replace"), re.MULTILINE):
        if result := re.search(r'(?:^|,)result="(\w+)"', labels):
            counted[result[1]] += int(float(value))
    if "success" not in counted:
        raise Failed(
            expected=f'normalize_{kind}_readings_total{{result="success"}}',
            saw=f"{len(answer.body)} bytes without it",
            remedy="see whether --normalize-url is that of normalize",
        )
    return counted


def stored(ingest: Service, normalize: Service, kind: str, deadline_s: float) -> str:
    """A reading that ingest accepts is a record soon after."""
    before = tally(normalize, kind)
    message_id = accept(ingest, kind, READINGS[kind](), duplicate=False)
    accepted_at = time.monotonic()
    while True:
        now = tally(normalize, kind)
        waited_s = time.monotonic() - accepted_at
        if now["success"] > before["success"]:
            return f"202, id {message_id}; its record was there after {waited_s:.1f} s"
        if waited_s > deadline_s:
            raise Failed(
                expected=f"one more success within {deadline_s:g} s of the 202 for {message_id}",
                saw=_growth(before, now),
                remedy="see the log of normalize, and the dead letters (`athlete-ally dlq`)",
            )
        time.sleep(POLL_S)


def _growth(before: Counter[str], now: Counter[str]) -> str:
    grown = now - before
    return ", ".join(f"{count} more {result}" for result, count in sorted(grown.items())) or "nothing new"


def main() -> int:
    """Make the checks that the command line asks for."""
    parser = Options(__doc__ or "")
    parser.add_url("--normalize-url", "normalize", variable="NORMALIZE_BASE_URL", default="http://127.0.0.1:4102")
    parser.add_argument("--deadline-s", type=seconds, default=15.0, help="from 202 to record, in seconds (default: 15)")
    options = parser.parse_args()
    ingest = Service("ingest", options.base_url, options.timeout_s, options.key)
    normalize = Service("normalize", options.normalize_url, options.timeout_s)
    checks = [
        Check("ingest-health", partial(healthy, ingest)),
        Check("ingest-readiness", partial(ready, ingest)),
        Check("normalize-health", partial(healthy, normalize)),
        Check("normalize-readiness", partial(ready, normalize)),
    ]
    for kind in READINGS:
        checks.append(Check(f"{kind}-record", partial(stored, ingest, normalize, kind, options.deadline_s)))
        checks.append(Check(f"{kind}-duplicate", partial(recognises_duplicate, ingest, kind)))
    return examine([ingest, normalize], checks, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
