"""Contexts of natscli: found where natscli keeps them, honoured in full or refused."""

import json
from pathlib import Path

import pytest

from athlete_ally.adapters.nats.context import read_context
from athlete_ally.adapters.nats.credentials import Identity
from athlete_ally.core.errors import Misconfigured


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which natscli keeps contexts."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "nats" / "context"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, **fields: object) -> Path:
    """Write a context as natscli does: every field, empty where there is nothing to say."""
    empty = dict.fromkeys(("description", "url", "token", "user", "password", "creds", "nkey", "cert", "key", "ca"), "")
    path.write_text(json.dumps({**empty, "color_scheme": "", "tls_first": False, **fields}), encoding="utf-8")
    return path


def test_a_context_says_where_and_as_whom(contexts: Path) -> None:
    """
    Every field that we know arrives in its place; a path may use the home directory and variables.
    """
    write(
        contexts / "all.json",
        url="tls://a:4222,tls://b:4222",
        creds="~/user.creds",
        ca="$XDG_CONFIG_HOME/ca.pem",
        inbox_prefix="_INBOX_operator",
        tls_first=True,
    )
    found = read_context("all")
    identity = Identity(credentials=Path.home() / "user.creds", ca=contexts.parent.parent / "ca.pem", tls_first=True)

    assert (found.url, found.identity, found.inbox_prefix) == ("tls://a:4222,tls://b:4222", identity, "_INBOX_operator")


def test_a_context_may_be_a_file(tmp_path: Path) -> None:
    """
    A name that ends in `.json` is a path; without an address it means this machine.
    """
    path = write(tmp_path / "here.json", user="me", password="secret")  # noqa: S106  # a test's
    found = read_context(str(path))

    assert (found.url, found.identity.user) == ("nats://127.0.0.1:4222", "me")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read"),
        ('{"url": 1}', "url"),
        ("no json", "here"),
        ('{"socks_proxy": "localhost:1", "nsc": "nsc://a"}', "socks_proxy, nsc can't be honoured"),
    ],
    ids=["missing", "type", "syntax", "unsupported"],
)
def test_a_context_is_honoured_in_full_or_refused(contexts: Path, content: str | None, problem: str) -> None:
    """
    Leaving a field out in silence could mean another server or account, so that is an error that names it.
    """
    if content is not None:
        (contexts / "here.json").write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=problem):
        read_context("here")
