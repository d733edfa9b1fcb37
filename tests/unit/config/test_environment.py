"""The environment of a real machine is full of other people's variables."""

import re
from pathlib import Path

import pytest

from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.errors import Misconfigured


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty directory, without any setting of ours."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_a_setting_has_one_name_only(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    LOG_LEVEL, ENVIRONMENT or DATA_DIR of somebody else is no setting of ours, in capitals or not.
    """
    expected = load_settings()
    if Settings.model_fields[field].validation_alias == field.upper():
        return
    for name in (field.upper(), field):
        monkeypatch.setenv(name, "not for us")

    assert expected == load_settings()


def test_a_flag_is_a_field() -> None:
    """
    A flag that no field stands for is a programming error, and is not ignored.
    """
    with pytest.raises(KeyError):
        load_settings(ingest_prot=1)


def test_a_flag_that_was_not_given_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    None is what the command line says of a flag that is not there.
    """
    monkeypatch.setenv("AA_INGEST_PORT", "2222")

    assert load_settings(ingest_port=None).ingest_port == 2222


def test_a_bad_flag_is_explained_like_a_bad_variable() -> None:
    """
    The line names the variable, which the help shows beside the flag.
    """
    with pytest.raises(Misconfigured, match=r"^AA_INGEST_PORT: "):
        load_settings(ingest_port=70000)


def test_several_mistakes_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One line for each, and none of them repeats a password.
    """
    wrong = {"AA_INGEST_PORT": "x", "AA_ENVIRONMENT": "x", "DATABASE_URL": "mysql://u:hunter2@h", "NATS_URL": "hunter2"}
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as error:
        load_settings()

    lines = str(error.value).splitlines()
    assert sorted(wrong) == sorted(line.partition(":")[0] for line in lines)
    assert not re.search("hunter2", str(error.value))


@pytest.mark.parametrize("content", [b"AA_INGEST_PORT=1\nX=\xff\n", b"\xff\xfeA\x00"])
def test_a_file_in_another_encoding_is_named(content: bytes) -> None:
    """
    A `.env` that is not UTF-8 gives one line, and no traceback.
    """
    Path(".env").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"^\.env: not UTF-8"):
        load_settings()


def test_a_file_written_by_notepad_is_read() -> None:
    """
    A byte order mark and Windows line ends don't hide the first line.
    """
    Path(".env").write_bytes(b"\xef\xbb\xbfAA_INGEST_PORT=77\r\nAA_LOG_LEVEL=debug\r\n")
    settings = load_settings()

    assert (settings.ingest_port, settings.log_level) == (77, "debug")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "1e9"])
def test_a_timeout_is_a_time(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Not a number, endless or none: every wait is bounded.
    """
    monkeypatch.setenv("AA_PUBLISH_TIMEOUT_S", value)
    with pytest.raises(Misconfigured, match=r"^AA_PUBLISH_TIMEOUT_S: "):
        load_settings()


def test_settings_are_what_they_were_at_the_start() -> None:
    """
    Nothing can be changed afterwards, and what was given is told from what was not.
    """
    settings = load_settings(ingest_port=1)
    with pytest.raises(ValueError, match="frozen"):
        settings.ingest_port = 2

    assert (settings.is_set("ingest_port"), settings.is_set("normalize_port")) == (True, False)
