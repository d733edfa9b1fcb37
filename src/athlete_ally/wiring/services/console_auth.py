"""Authentication of the console: local users, tokens, or an authenticating proxy."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from athlete_ally.adapters.files.key_file import WatchedKeyFile
from athlete_ally.adapters.http.server import EVERY_ADDRESS
from athlete_ally.config.settings import Settings
from athlete_ally.console.access import Authentication, LocalAuthentication, ProxyAuthentication, TokenAuthentication
from athlete_ally.console.request_guard import LOOPBACK_NAMES
from athlete_ally.core.client_key import ClientKey
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.ports import Log
from athlete_ally.wiring.commands.dlq import actor


def build_authentication(settings: Settings, log: Log) -> Authentication:
    """Return the configured authentication.

    Raises:
        Misconfigured: others could reach the console without authentication.
    """
    if settings.console_proxy_header is not None:
        addresses, operators = _listed(settings.console_proxy_addresses), _listed(settings.console_proxy_operators)
        return ProxyAuthentication(settings.console_proxy_header, addresses, operators)
    if settings.console_operators_file is not None or settings.console_viewers_file is not None:
        return TokenAuthentication(
            _names_by_digest(settings.console_operators_file, log), _names_by_digest(settings.console_viewers_file, log)
        )
    if settings.console_host not in LOOPBACK_NAMES:
        raise Misconfigured(
            f"AA_CONSOLE_HOST: {settings.console_host} can be reached by others, and no authentication is configured: "
            "set AA_CONSOLE_OPERATORS_FILE (`athlete-ally keys create NAME --file FILE` makes a token), "
            "or AA_CONSOLE_PROXY_HEADER behind a proxy that authenticates people; or bind 127.0.0.1"
        )
    return LocalAuthentication(actor())


def host_names(settings: Settings) -> set[str]:
    """Return the host names of the console."""
    bound = set[str]() if settings.console_host in {EVERY_ADDRESS, "::"} else {settings.console_host}
    return {*LOOPBACK_NAMES, *bound, *_listed(settings.console_names)}


def _names_by_digest(path: Path | None, log: Log) -> Callable[[], Mapping[str, str]]:
    def build(keys: Sequence[ClientKey]) -> Mapping[str, str]:
        return {key.sha256: key.name for key in keys}

    return WatchedKeyFile(path, build, log) if path is not None else dict[str, str]


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
