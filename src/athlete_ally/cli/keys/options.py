"""Which file the commands on clients' keys work on."""

from pathlib import Path

import click

from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import Misconfigured

key_file_option = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with the keys.  [default: AA_INGEST_KEYS_FILE]",
)


def key_file(path: Path | None, env_file: Path | None) -> Path:
    """Return the file that is named by --file, or by the settings.

    Raises:
        Misconfigured: neither names one, or a setting is invalid.
    """
    if path is not None:
        return path
    path = load_settings(env_file).ingest_keys_file
    if path is None:
        raise Misconfigured("no file of keys: give --file PATH, or set AA_INGEST_KEYS_FILE")
    return path
