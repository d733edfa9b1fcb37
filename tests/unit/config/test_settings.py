"""Settings: where they come from, and what is said when one is wrong."""

from pathlib import Path

import pytest

from athlete_ally.config.settings import Settings, load_settings, require_keys, unknown_variables
from athlete_ally.core.broker.topology import INGEST_PORT
from athlete_ally.core.errors import Misconfigured


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty directory, without any setting of ours."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)


def test_flags_win_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A flag beats the environment, which beats `.env`, which beats the default.
    """
    found = [load_settings().ingest_port]
    Path(".env").write_text("AA_INGEST_PORT=1111\n", encoding="utf-8")
    found.append(load_settings().ingest_port)
    monkeypatch.setenv("AA_INGEST_PORT", "2222")
    found += [load_settings().ingest_port, load_settings(ingest_port=3333).ingest_port]

    assert found == [INGEST_PORT, 1111, 2222, 3333]


def test_another_file_can_be_named(tmp_path: Path) -> None:
    """
    `--env-file` replaces `.env`; a file that is not there is said to be missing.
    """
    (tmp_path / "other.env").write_text("AA_ENVIRONMENT=dev\nAA_INGEST_PORT=4444\n", encoding="utf-8")

    assert load_settings(tmp_path / "other.env").ingest_port == 4444
    with pytest.raises(Misconfigured, match=r"nowhere\.env"):
        load_settings(tmp_path / "nowhere.env")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AA_INGEST_PORT", "70000"),
        ("AA_INGEST_PORT", "http"),
        ("AA_ENVIRONMENT", "prod"),
        ("NATS_URL", "redis://x"),
        ("DATABASE_URL", "mysql://user:hunter2@x"),
        ("AA_PUBLISH_TIMEOUT_S", "0"),
        ("AA_HRV_ARTEFACT_FILTER", "on"),
    ],
)
def test_a_bad_value_gives_one_clear_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The line names the variable; a secret in the value is not repeated.
    """
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as error:
        load_settings()

    lines = str(error.value).splitlines()
    assert (len(lines), lines[0].startswith(f"{name}: "), "hunter2" in lines[0]) == (1, True, False)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_outside_dev_keys_are_required(environment: str) -> None:
    """
    Open to all is for a developer's machine: elsewhere ingest, and nobody else, is told what is missing, and how to
    make it.
    """
    settings = load_settings(environment=environment)
    with pytest.raises(Misconfigured, match=r"AA_INGEST_KEYS_FILE.*athlete-ally keys create"):
        require_keys(settings)


def test_secrets_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Neither repr nor str of the settings shows a password or token.
    """
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@db/aa")
    monkeypatch.setenv("NATS_URL", "nats://hunter3@broker")

    assert "hunter" not in repr(load_settings()) + str(load_settings())


def test_an_unknown_variable_is_named_with_its_nearest() -> None:
    """
    A misspelt `AA_*` name, in the environment or in the file, is warned of; others are nobody's business.
    """
    Path(".env").write_text("AA_INGEST_PROT=1\n", encoding="utf-8")
    warnings = unknown_variables(environment={"AA_NORMALISE_PORT": "1", "AA_INGEST_PORT": "1", "PATH": ""})

    assert [warning.rpartition(" ")[2].rstrip("?") for warning in warnings] == ["AA_INGEST_PORT", "AA_NORMALIZE_PORT"]


def test_every_setting_has_a_variable_and_a_meaning() -> None:
    """
    Each field is read from one variable of ours, and says what it is for.
    """
    odd = [name for name, field in Settings.variables().items() if not (field.description or "").endswith(".")]

    assert odd == []
    assert {"NATS_URL", "DATABASE_URL"} == {name for name in Settings.variables() if not name.startswith("AA_")}
