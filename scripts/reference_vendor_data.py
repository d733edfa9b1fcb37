"""Every field that a vendor or a file can hold, and how it is handled."""

from collections.abc import Iterable

from reference_markdown import table

from athlete_ally.core.vendor.catalogue import Said
from athlete_ally.formats.file_catalogue import CATALOGUE
from athlete_ally.vendors import PLUGINS


def vendor_data() -> str:
    """Return a table for each vendor."""
    return "\n\n".join(_section(vendor.title, vendor.says) for vendor in PLUGINS)


def file_data() -> str:
    """Return a table for each file format."""
    return "\n\n".join(_section(title, says) for title, says in CATALOGUE.items())


def _section(title: str, says: Iterable[Said]) -> str:
    rows = [(said.name, said.fate, said.becomes) for said in says]
    return f"### {title}\n\n" + table(("field", "handling", "outcome"), rows)
