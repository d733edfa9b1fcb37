"""Options that several commands share."""

from pathlib import Path

import click

env_file_option = click.option(
    "--env-file", type=click.Path(path_type=Path, dir_okay=False), help="Read settings from this file instead of .env."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
