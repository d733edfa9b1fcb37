"""The command line of both smoke scripts: defaults for a developer's machine, overridden by environment or flag."""

import argparse
import math
import os
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import urlsplit

# A check that waits longer than an hour is a typing mistake.
LONGEST_S = 3600


class Options(argparse.ArgumentParser):
    """The options of both scripts. A bad one is exit code 1 and one line: 2 means something else in this project."""

    def __init__(self, description: str) -> None:
        """Add the options that both scripts have."""
        super().__init__(description=description)
        self.add_url("--base-url", "ingest", variable="INGEST_BASE_URL", default="http://127.0.0.1:4101")
        self.add_argument(
            "--key",
            default=os.environ.get("INGEST_API_KEY"),
            type=_key,
            help="API key, where ingest wants one; better given in INGEST_API_KEY, which no process list shows",
        )
        self.add_argument("--timeout-s", type=seconds, default=5.0, help="seconds to wait for an answer (default: 5)")
        self.add_argument("--json", action="store_true", help="print one JSON document and nothing else")

    def add_url(self, flag: str, service: str, *, variable: str, default: str) -> None:
        """Add an option for the base URL of `service`, which the environment `variable` can give as well."""

        def base_url(text: str) -> str:
            if problem := next(_url_problems(text), None):
                shown = text.rpartition("@")[2]  # what stands before an @ may be a password
                wish = f"write http://HOST:PORT in the flag or in {variable}"
                raise argparse.ArgumentTypeError(f"{shown!r} is not a base URL ({problem}): {wish}")
            return text.rstrip("/")

        value = os.environ.get(variable) or default
        self.add_argument(flag, type=base_url, default=value, help=f"base URL of {service} ({variable}; {default})")

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with 1."""
        self.exit(1, f"{self.prog}: {message}\n")


def seconds(text: str) -> float:
    """Read a positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= LONGEST_S:  # also refuses NaN
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds in (0, {LONGEST_S}]")
    return value


def _key(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise argparse.ArgumentTypeError("the key holds a character that no HTTP header can carry: copy it again")
    return text


def _url_problems(text: str) -> Iterator[str]:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        yield str(error)
        return
    if parts.scheme not in {"http", "https"}:
        yield "it doesn't begin with http:// or https://"
    if not parts.hostname:
        yield "it names no host"
    if parts.username is not None or parts.query or parts.fragment:
        yield "it holds more than host, port and path"
