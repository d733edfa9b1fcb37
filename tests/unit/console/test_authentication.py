"""How the console may be bound."""

from pathlib import Path
from typing import Any

import pytest
from support.commands import in_process
from support.fakes import FakeLog

from athlete_ally.config.settings import load_settings
from athlete_ally.console.access import Authentication, LocalAuthentication, ProxyAuthentication, TokenAuthentication
from athlete_ally.wiring.services.console_auth import build_authentication, host_names


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "console.example.org"])  # noqa: S104  # refused
def test_beyond_this_machine_it_does_not_start_for_just_anybody(host: str) -> None:
    """
    Bound to another address, with neither tokens nor a proxy, it ends with exit code 1, and says what to set.
    """
    refused = in_process({"AA_CONSOLE_HOST": host}, "console")

    assert refused.code == 1
    assert f"AA_CONSOLE_HOST: {host} can be reached by others" in refused.err
    assert ("AA_CONSOLE_OPERATORS_FILE" in refused.err, "AA_CONSOLE_PROXY_HEADER" in refused.err) == (True, True)


@pytest.mark.parametrize(
    ("chosen", "authentication"),
    [
        ({}, LocalAuthentication),
        ({"console_host": "localhost"}, LocalAuthentication),
        ({"console_viewers_file": "viewers.json"}, TokenAuthentication),
        ({"console_host": "0.0.0.0", "console_operators_file": "viewers.json"}, TokenAuthentication),  # noqa: S104  # by token
        ({"console_host": "0.0.0.0", "console_proxy_header": "X-Forwarded-User"}, ProxyAuthentication),  # noqa: S104  # by proxy
    ],
)
def test_who_may_come_in_decides_where_it_may_be_bound(
    chosen: dict[str, Any], authentication: type[Authentication], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    On this machine alone nothing is asked; tokens and a proxy ask everywhere.
    """
    monkeypatch.chdir(tmp_path)
    in_process({}, "keys", "create", "vic", "--file", "viewers.json")

    assert isinstance(build_authentication(load_settings(**chosen), FakeLog()), authentication)


def test_every_address_is_no_name() -> None:
    """
    Bound to all addresses it answers to the names of this machine and those in AA_CONSOLE_NAMES only.
    """
    settings = load_settings(console_host="0.0.0.0", console_names="console.example.org, other")  # noqa: S104

    assert host_names(settings) == {"127.0.0.1", "localhost", "::1", "console.example.org", "other"}
