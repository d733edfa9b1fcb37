"""Make the generated parts of the reference again: tables in docs/reference, asyncapi.yaml and .env.example.

`--check` writes nothing: exit 0 when all is as it would be made, 2 when something is stale.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from reference_alerts import alerts_table, runbooks_table, thresholds_table
from reference_commands import commands_section
from reference_environments import environment_tables
from reference_grants import grants_sql, rights_table, roles_sql, roles_table
from reference_header_table import headers_table
from reference_messages import asyncapi_yaml
from reference_nats import nats_conf, users_table
from reference_permissions import permissions_table
from reference_secrets import variables_table
from reference_series import series_tables
from reference_settings import env_example, settings_table
from reference_streams import durables_table, streams_tables
from reference_subjects import subjects_table
from reference_vendor_data import file_data, vendor_data
from reference_vendors import vendors_sections, vendors_table

from athlete_ally.core.broker.environment import Environment

ROOT = Path(__file__).parent.parent
WHOLE: dict[str, Callable[[], str]] = {
    ".env.example": env_example,
    "docs/reference/asyncapi.yaml": asyncapi_yaml,
    **{f"deploy/nats/{name}.conf": partial(nats_conf, name) for name in get_args(Environment)},
}
# The words around a table are written by hand; the table goes between its two markers.
WITHIN: dict[str, dict[str, Callable[[], str]]] = {
    "docs/how-to/use-own-nats-and-postgresql.md": {"roles": roles_sql, "grants": grants_sql},
    "docs/reference/alert-thresholds.md": {"thresholds": thresholds_table, "alerts": alerts_table},
    "docs/reference/commands.md": {"commands": commands_section},
    "docs/reference/configuration.md": {"settings": settings_table, "vendor-variables": variables_table},
    "docs/reference/environment-files.md": {"environment": environment_tables},
    "docs/reference/messages.md": {"subjects": subjects_table, "headers": headers_table},
    "docs/reference/permissions.md": {
        "users": users_table,
        "permissions": permissions_table,
        "roles": roles_table,
        "rights": rights_table,
    },
    "docs/reference/series.md": {"series": series_tables},
    "docs/runbooks/README.md": {"runbooks": runbooks_table},
    "docs/reference/vendor-data.md": {"vendor-data": vendor_data, "file-data": file_data},
    "docs/reference/vendors.md": {"vendors": vendors_table, "each": vendors_sections},
    "docs/reference/streams.md": {"streams": streams_tables, "durables": durables_table},
}


def main() -> int:
    """Make everything in memory, tell what differs, and write it unless asked only to check."""
    made = {name: make() for name, make in WHOLE.items()} | {name: fill(name) for name in WITHIN}
    stale = [name for name, text in made.items() if text != read(name)]
    is_check = "--check" in sys.argv[1:]
    what = "is stale: `uv run --group dev scripts/build_reference.py` makes it" if is_check else "made anew"
    print("\n".join(f"{name} {what}" for name in stale) or "all fresh")
    if is_check:
        return 2 if stale else 0
    for name in stale:
        (ROOT / name).write_text(made[name], "utf-8", newline="\n")
    return 0


def fill(name: str) -> str:
    """Return a page with each of its generated parts made anew."""
    text = read(name)
    for part, make in WITHIN[name].items():
        before, start, rest = text.partition(f"<!-- generated: {part} -->\n")
        _, end, after = rest.partition(f"\n<!-- end of {part} -->")
        if not end:
            sys.exit(f"{name}: the markers around {part} are missing")
        text = f"{before}{start}\n{make()}\n{end}{after}"
    return text


def read(name: str) -> str:
    """Return what is there now; nothing where there is no file."""
    return (ROOT / name).read_text("utf-8") if (ROOT / name).exists() else ""


if __name__ == "__main__":
    sys.exit(main())
