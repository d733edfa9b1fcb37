"""Keys of NATS users: made, written for their owner only, and never shown."""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from athlete_ally.adapters.nats.credentials import Identity
from athlete_ally.cli.keys.nkey import nkey
from athlete_ally.core.errors import Misconfigured


def test_a_key_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """
    The printed line is for the server's environment; the seed is in the file, which only its owner may read.
    """
    out = tmp_path / "ingest.nk"
    done = CliRunner().invoke(nkey, ["ingest", "--out", str(out)])
    seed = out.read_text(encoding="utf-8").strip()

    assert re.fullmatch(r"NKEY_INGEST=U[A-Z2-7]{55}\n", done.output)
    assert re.fullmatch(r"SU[A-Z2-7]{56}", seed)
    assert seed not in done.output
    assert os.name == "nt" or out.stat().st_mode & 0o777 == 0o600
    assert "nkeys_seed" in Identity(nkey=out).options()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """
    The seed of a program that runs is not overwritten by a second call.
    """
    out = tmp_path / "ingest.nk"
    out.write_text("precious", encoding="utf-8")
    done = CliRunner().invoke(nkey, ["ingest", "--out", str(out)])

    assert isinstance(done.exception, Misconfigured)
    assert out.read_text(encoding="utf-8") == "precious"


def test_what_is_no_seed_is_not_shown(tmp_path: Path) -> None:
    """
    A file with something else in it is named; what is in it is not.
    """
    path = tmp_path / "wrong.nk"
    path.write_text("hunter2\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"wrong\.nk") as error:
        Identity(nkey=path).options()

    assert "hunter2" not in str(error.value)
