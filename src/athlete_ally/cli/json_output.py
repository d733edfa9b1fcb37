"""The option `--json`: one document on standard output, also where a command ends in an expected error."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from athlete_ally.core.errors import AthleteAllyError

_OPTION = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
_PRINTED = "athlete_ally.json_printed"


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option `--json`; an expected error that ends the command is a document too: `{"error": "..."}`."""

    @wraps(command)
    def with_errors(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except AthleteAllyError as error:
            # A command that another one invokes has printed it already.
            if options.get("as_json") and not click.get_current_context().meta.get(_PRINTED):
                print_json({"error": str(error)})
            raise

    return _OPTION(with_errors)


def print_json(document: dict[str, Any]) -> None:
    """Print the one document of a command whose error is about to end it."""
    click.echo(json.dumps(document))
    click.get_current_context().meta[_PRINTED] = True
