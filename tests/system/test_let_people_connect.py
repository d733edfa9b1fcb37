"""The page on letting people connect, as it is written."""

import asyncio
import os
import re
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.runbook import sections

from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.core.vendor.grant import Granted, Tokens

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "let-people-connect.md"
GRANTED = Granted("oura", "person-1", "ada", Tokens("an-access", "a-refresh", datetime(2026, 11, 24, tzinfo=UTC)), ())


def commands(heading: str) -> str:
    """Return the commands of a section, one below the other."""
    return "".join(re.findall(r"```sh\n(.*?)```", sections(PAGE)[heading], re.DOTALL))


@pytest.mark.skipif(sys.platform == "win32", reason="the page's commands are those of a POSIX shell")
async def test_a_key_is_made_and_changed_as_the_page_says(database_url: str, pool: Any, tmp_path: Path) -> None:
    """
    The commands of the first section make a key; what was kept with it opens with the new key alone, once those of the
    last were run, in a folder with a space in its name.
    """
    folder = tmp_path / "my folder"
    folder.mkdir()
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "DATABASE_URL": database_url}

    async def run(script: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-ec", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    made = await run(commands("1. Create the token key"))
    await PostgresTokenStore(pool, TokenCipher((folder / "token.key").read_text(encoding="utf-8"))).keep(GRANTED)
    changed = await run(commands("Rotate the token key") + "athlete-ally connect rekey --json\n")

    assert "AA_TOKEN_KEY_FILE=token.key" in made
    assert changed.splitlines()[-2:] == ["encrypted 1 grant with the first key", '{"grants": 1}']
    new = PostgresTokenStore(pool, TokenCipher((folder / "new.key").read_text(encoding="utf-8")))
    found = await new.find("oura", "person-1")
    assert found is not None
    assert found.granted == GRANTED
