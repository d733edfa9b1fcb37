"""Every field that a vendor can send, and how it is handled."""

from reference_markdown import table

from athlete_ally.vendors import PLUGINS


def vendor_data() -> str:
    """Return a table for each vendor."""
    return "\n\n".join(
        f"### {vendor.title}\n\n"
        + table(
            ("field", "handling", "outcome"),
            [(said.name, said.fate, said.becomes) for said in vendor.says],
        )
        for vendor in PLUGINS
    )
