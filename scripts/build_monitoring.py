"""Make rules and dashboard again, from `monitoring/generator` and the thresholds of `deploy/environments`.

`--check` writes nothing: exit 0 when all is as it would be made, 2 when something is stale.
`--grafana URL` and `--runbooks URL` set where links lead; with `--into FOLDER` everything goes to another place than
monitoring/.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "monitoring"))

from generator.alert import GRAFANA  # noqa: E402  # found only on the path above
from generator.files import monitoring_files  # noqa: E402


def main() -> int:
    """Make everything in memory, tell what differs, and write it unless asked only to check."""
    parser = argparse.ArgumentParser(description="Make rules and dashboard again.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 2 when something is stale")
    parser.add_argument("--grafana", default=GRAFANA, help="address of Grafana, for links in alerts")
    parser.add_argument("--runbooks", help="address of docs/runbooks  [default: /public/runbooks of Grafana]")
    parser.add_argument("--into", type=Path, default=ROOT, help="folder to write to instead of this project")
    options = parser.parse_args()
    made = monitoring_files(ROOT, grafana=options.grafana, runbooks=options.runbooks)
    files = {options.into / name: text for name, text in made.items()}
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    what = "is stale: `uv run --group dev scripts/build_monitoring.py` makes it" if options.check else "made anew"
    print("\n".join(f"{path} {what}" for path in stale) or "all fresh")
    if options.check:
        return 2 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
