"""The settings templates beside the environment files: complete, known and without a secret."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dotenv import dotenv_values

from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "environments"
ENVIRONMENTS = ("dev", "staging", "production")


@pytest.fixture(autouse=True)
def _nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no setting in the environment that the file could hide behind."""
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_template_loads(environment: str) -> None:
    """
    Every name in it is a setting, every value is valid, and it is of the environment whose name it has.
    """
    path = FOLDER / f".env.{environment}.example"

    assert set(dotenv_values(path)) <= set(Settings.variables())
    assert load_settings(path).environment == environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_template_names_the_environment_file_of_its_own(environment: str) -> None:
    """
    The file of that name is the one beside it, and belongs to the same environment.
    """
    settings = load_settings(FOLDER / f".env.{environment}.example")
    assert settings.environment_file is not None
    beside = settings.model_copy(update={"environment_file": FOLDER / settings.environment_file.name})

    assert environment_of(beside).environment == environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_template_holds_no_secret(environment: str) -> None:
    """
    Addresses have no password in them, and keys are named as files; outside dev, NATS is reached with TLS.
    """
    values = dotenv_values(FOLDER / f".env.{environment}.example")
    urls = [*str(values["NATS_URL"]).split(","), str(values["DATABASE_URL"])]

    assert [urlsplit(url).password for url in urls] == [None] * len(urls)
    assert all(url.startswith("tls://") for url in urls[:-1]) == (environment != "dev")
    assert values["AA_NATS_NKEY"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_server_configuration_holds_no_secret(environment: str) -> None:
    """
    Users are public keys from the server's environment: no password, no seed, nothing of one site.
    """
    text = (ROOT / "deploy" / "nats" / f"{environment}.conf").read_text(encoding="utf-8")

    assert "password" not in text
    assert text.count("nkey:") == text.count("nkey: $NKEY_")
    assert "sync_interval: always" in text
    assert ("verify: true" in text) == (environment != "dev")
