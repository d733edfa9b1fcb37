# /// script
# requires-python = ">=3.11"
# dependencies = ["athlete-ally", "hrv-analysis==1.0.5", "neurokit2==0.2.13", "numpy==2.4.6", "pandas==2.3.3",
#   "scipy==1.17.1"]
# [tool.uv.sources]
# athlete-ally = { path = "..", editable = true }
# ///
"""Compute rMSSD and SDNN of the bundled recordings with two independent libraries, for the tests to compare with.

The libraries bring 100 MB that nothing else needs, so their results are stored. `--check` writes nothing: exit 0 when
what is committed is what the libraries give, 2 when not.
"""

import hashlib
import importlib
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from athlete_ally.demo.recordings import load

FILE = Path(__file__).parent.parent / "tests" / "unit" / "core" / "samples" / "hrv_references.json"


def main() -> int:
    """Compute, compare with what is committed, and write it unless asked only to check."""
    # Needed for sample entropy only, and broken on Python 3.11: https://github.com/CSchoel/nolds/issues/80
    sys.modules["nolds"] = ModuleType("nolds")
    document = {
        "made_by": "scripts/build_hrv_references.py",
        "libraries": {name: version(name) for name in ("neurokit2", "hrv-analysis")},
        "recordings": {recording.file: references(recording.intervals_ms) for recording in load()},
    }
    built = json.dumps(document, indent=2) + "\n"
    is_fresh = FILE.exists() and FILE.read_text("utf-8") == built
    if "--check" in sys.argv[1:]:
        print("as committed" if is_fresh else f"{FILE.name} is not what the libraries give")
        return 0 if is_fresh else 2
    FILE.write_text(built, "utf-8", newline="\n")
    print(f"{FILE.name} written, {'as' if is_fresh else 'other than'} it was")
    return 0


def references(intervals_ms: Sequence[float]) -> dict[str, Any]:
    """Return both libraries' rMSSD and SDNN, with what tells that they are of these intervals."""
    row = importlib.import_module("neurokit2").hrv_time({"RRI": list(intervals_ms)}).iloc[0]
    features = importlib.import_module("hrvanalysis").get_time_domain_features(list(intervals_ms))
    return {
        "intervals": len(intervals_ms),
        "sha256": hashlib.sha256(json.dumps(intervals_ms).encode()).hexdigest(),
        "neurokit2": {"rmssd_ms": rounded(row["HRV_RMSSD"]), "sdnn_ms": rounded(row["HRV_SDNN"])},
        "hrv-analysis": {"rmssd_ms": rounded(features["rmssd"]), "sdnn_ms": rounded(features["sdnn"])},
    }


def rounded(value_ms: float) -> float:
    """Return a result to 12 significant digits: in those beyond, systems differ."""
    return float(f"{value_ms:.12g}")


if __name__ == "__main__":
    sys.exit(main())
