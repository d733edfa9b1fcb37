"""The rights of PostgreSQL roles, as SQL: what normalize and people who work on dead letters do with each table."""

from textwrap import fill

from athlete_ally.measurements import MEASUREMENTS

_WRITE, _READ = "SELECT, INSERT, UPDATE, DELETE", "SELECT"
_KINDS = (*(each.table for each in MEASUREMENTS), "sample_series")
# By role: rights, and the tables (or columns of one) that they are granted on.
_GRANTS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "aa_worker, aa_operator": ((_READ, ("schema_migration",)),),
    "aa_worker": (
        (_WRITE, ("receipt", "webhook_receipt", "lone_start", "replaced_session", "stream_cursor", "stream_life")),
        ("SELECT, INSERT, UPDATE", ("vendor_account",)),
        (_READ, ("vendor_grant", "fetch_receipt")),
        (_WRITE, _KINDS),
    ),
    "aa_operator": (
        ("SELECT, INSERT", ("dead_letter_journal",)),
        (_READ, ("receipt", "webhook_receipt", "fetch_receipt", "vendor_account")),
        ("SELECT (id, vendor, account, user_id, state)", ("vendor_grant",)),
        (_READ, _KINDS),
    ),
}


def grants_sql() -> str:
    """Return the statements, those of one role together."""
    roles = ("\n".join(_statement(*grant, role) for grant in grants) for role, grants in _GRANTS.items())
    return "```sql\n" + "\n\n".join(roles) + "\n```"


def _statement(rights: str, tables: tuple[str, ...], role: str) -> str:
    return fill(f"GRANT {rights} ON {', '.join(tables)} TO {role};", 120, subsequent_indent="    ")
