"""Secrets of vendors: from the environment, a file of settings or a file each; never printed, never guessed open."""

from pathlib import Path

import pytest
from support.webhooks import BY_NAME

from athlete_ally.config.settings import load_settings, unknown_variables
from athlete_ally.config.vendor_secrets import load_secrets
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.plugin import Secrets

VENDORS = tuple(BY_NAME.values())


def load(environment: dict[str, str], env_file: Path = Path("no-such-file")) -> dict[str, Secrets]:
    """Load from this environment only."""
    return load_secrets(VENDORS, env_file, environment)


def test_nothing_set_means_no_vendor() -> None:
    """
    Without variables, or with empty ones, no vendor has secrets.
    """
    assert {} == load({}) == load({"AA_OURA_WEBHOOK_SECRETS": "", "AA_OURA_WEBHOOK_TOKEN": ""})


def test_several_are_valid_at_once() -> None:
    """
    Separated by commas, spaces or lines; the value of a header keeps its spaces.
    """
    environment = {
        "AA_OURA_WEBHOOK_SECRETS": "first-secret, second-secret\nthird-secret",
        "AA_OURA_WEBHOOK_TOKEN": "old new",
        "AA_GOOGLE_HEALTH_WEBHOOK_SECRETS": "Bearer first-secret,Bearer second-secret",
    }
    found = load(environment)

    assert found == {
        "oura": Secrets(("first-secret", "second-secret", "third-secret"), ("old", "new")),
        "google_health": Secrets(("Bearer first-secret", "Bearer second-secret")),
    }


def test_a_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    """
    `_FILE` names a file with the secret; a file of settings is read too, and loses against the environment.
    """
    (tmp_path / "secret").write_text("from-a-file\n", encoding="utf-8")
    settings = tmp_path / "settings.env"
    settings.write_text("AA_WHOOP_WEBHOOK_SECRETS=from-settings\nAA_POLAR_WEBHOOK_SECRETS=from-settings\n", "utf-8")
    secret_file = str(tmp_path / "secret")
    environment = {"AA_OURA_WEBHOOK_SECRETS_FILE": secret_file, "AA_WHOOP_WEBHOOK_SECRETS": "from-environment"}
    found = load(environment, settings)

    assert {name: secrets.signing for name, secrets in found.items()} == {
        "oura": ("from-a-file",),
        "whoop": ("from-environment",),
        "polar": ("from-settings",),
    }


def test_the_environment_wins_in_either_form(tmp_path: Path) -> None:
    """
    A value in the environment beats a file that the file of settings names, and a named file beats a value there.
    """
    (tmp_path / "secret").write_text("from-a-file\n", encoding="utf-8")
    settings = tmp_path / "settings.env"
    lines = "AA_WHOOP_WEBHOOK_SECRETS_FILE=/no/such/file\nAA_OURA_WEBHOOK_SECRETS=from-settings\n"
    settings.write_text(lines, encoding="utf-8")
    environment = {
        "AA_OURA_WEBHOOK_SECRETS_FILE": str(tmp_path / "secret"),
        "AA_WHOOP_WEBHOOK_SECRETS": "from-environment",
    }

    assert {name: each.signing for name, each in load(environment, settings).items()} == {
        "oura": ("from-a-file",),
        "whoop": ("from-environment",),
    }


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"AA_OURA_WEBHOOK_SECRETS": "short"}, "at least 8 characters"),
        ({"AA_GARMIN_WEBHOOK_SECRETS": "not/for/an/address"}, "16 to 128"),
        ({"AA_CLINIC_WEBHOOK_SECRETS": "whsec_no!base64"}, "not Base64"),
        ({"AA_OURA_WEBHOOK_SECRETS_FILE": "/no/such/file"}, "can't be read"),
        ({"AA_OURA_WEBHOOK_SECRETS_FILE": "a", "AA_OURA_WEBHOOK_SECRETS": "hunter22"}, "both set"),
    ],
)
def test_a_secret_that_can_be_none_stops_the_start(environment: dict[str, str], says: str) -> None:
    """
    One line that names the variable and the remedy, and not the secret.
    """
    with pytest.raises(Misconfigured, match=says) as refused:
        load(environment)

    assert next(iter(environment)).removesuffix("_FILE") in str(refused.value)
    assert not any(value in str(refused.value) for name, value in environment.items() if not name.endswith("_FILE"))


def test_secrets_are_never_printed() -> None:
    """
    Neither by repr nor by str.
    """
    secrets = load(dict.fromkeys(("AA_OURA_WEBHOOK_SECRETS", "AA_OURA_WEBHOOK_TOKEN"), "hunter22-hunter"))

    assert "hunter22" not in repr(secrets) + str(secrets["oura"])


def test_senders_are_named_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each name is one part of a route and a subject, and no other vendor's; its variables are known then.
    """
    monkeypatch.setenv("AA_WEBHOOK_SENDERS", "clinic, lab_2")

    assert load_settings().senders == ("clinic", "lab_2")
    environment = {"AA_WEBHOOK_SENDERS": "clinic", "AA_CLINIC_WEBHOOK_SECRETS": "x", "AA_LAB_WEBHOOK_SECRETS": "x"}
    (warning,) = unknown_variables(Path("no-such-file"), environment)
    assert "AA_LAB_WEBHOOK_SECRETS" in warning


@pytest.mark.parametrize("names", ["oura", "redrive", "Clinic", "a.b", "a>", "clinic,clinic", "*", "_x"])
def test_a_name_that_can_be_none_is_refused(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    """
    A vendor's name, a word of the subjects, a wildcard or a name twice: the settings don't load.
    """
    monkeypatch.setenv("AA_WEBHOOK_SENDERS", names)

    with pytest.raises(Misconfigured, match="AA_WEBHOOK_SENDERS"):
        load_settings()
