"""`dlq edit` in the editor that $EDITOR names: a real one, in that it is a program that is given a file."""

import sys
from pathlib import Path
from typing import Any

import pytest
from support.letters import Bench
from support.samples import hrv_reading
from support.servers import Nats

from athlete_ally.adapters.nats.connection import Connection

EDITOR = """
import sys
file = sys.argv[1]
with open(file, encoding="utf-8-sig") as letter:
    text = letter.read()
{act}
"""
SAVE = 'open(file, "w", encoding="utf-8-sig").write(text.replace({old!r}, {new!r}))'


@pytest.fixture
async def bench(connection: Connection, pool: Any, nats_server: Nats, database_url: str) -> Bench:
    """Give the test a bench of its own."""
    return Bench(connection, pool, {"NATS_URL": nats_server.url, "DATABASE_URL": database_url, "NO_COLOR": "1"})


async def edited(bench: Bench, folder: Path, act: str) -> Any:
    """Edit letter 1 with an editor that does this; return what the command said."""
    program = folder / "editor.py"
    program.write_text(EDITOR.format(act=act), encoding="utf-8")
    return await bench.run("edit", "1", EDITOR=f'"{sys.executable}" "{program}"')


async def test_what_the_editor_saves_is_the_letter(bench: Bench, tmp_path: Path) -> None:
    """
    The readings are laid out for a person; the corrected letter waits, the original is kept, the journal has no values.
    """
    await bench.write(hrv_reading("zoë", 900))
    seen = tmp_path / "seen"
    act = SAVE.format(old='"rmssd": 900', new='"rmssd": 41.5') + f"\nopen({str(seen)!r}, 'w').write(file + text)"
    done = await edited(bench, tmp_path, act)
    (letter,) = [each async for each in bench.letters.all(subject="dlq.normalize.>")]

    assert (done.code, "it would pass now" in done.out, b'"rmssd":41.5' in letter.body) == (0, True, True)
    assert ("zoë".encode() in letter.body, len(await bench.listed("--shelf", "resolved"))) == (True, 1)
    assert "\n" in seen.read_text("utf-8")
    assert not Path(seen.read_text("utf-8").partition(".json")[0] + ".json").exists()
    assert "41.5" not in (await bench.run("journal", "--json")).out


@pytest.mark.parametrize(
    ("act", "code", "says"),
    [
        ("", 2, "nothing was changed"),
        (SAVE.format(old="900", new="900"), 2, "nothing was changed"),
        ("sys.exit(3)", 1, "failed"),
        (SAVE.format(old="{", new=""), 3, ""),
        (SAVE.format(old='"readings": [', new='"readings": [{}, '), 3, "change values only"),
    ],
)
async def test_an_editor_that_leaves_nothing_sensible(
    bench: Bench, tmp_path: Path, act: str, code: int, says: str
) -> None:
    """
    Nothing saved, nothing changed, an editor that fails, no JSON, another number of readings: the letter is as it was.
    """
    await bench.write(hrv_reading("a", 900))
    done = await edited(bench, tmp_path, act)

    assert (done.code, says in done.err, await bench.listed()) == (code, True, [1]), done
    assert await bench.listed("--shelf", "resolved") == []
