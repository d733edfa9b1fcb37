"""The roles of PostgreSQL: the statements that make them, those that grant their rights, and a table of the rights."""

from textwrap import fill

from reference_markdown import code, table

from athlete_ally.adapters.postgres.roles import Grant, Role, build_roles, grant_statement
from athlete_ally.measurements import MEASUREMENTS

_KINDS = tuple(each.table for each in MEASUREMENTS)
_ROLES = build_roles(_KINDS)


def roles_sql() -> str:
    """Return what makes the owner, the roles and the database."""
    names = ("aa_owner", *(role.name for role in _ROLES))
    created = (f"CREATE ROLE {name} LOGIN PASSWORD '...';" for name in names)
    return _block("\n".join((*created, "CREATE DATABASE athlete_ally OWNER aa_owner;")))


def grants_sql() -> str:
    """Return what grants each role its rights."""
    return _block("\n\n".join("\n".join(_statement(grant, role) for grant in role.grants) for role in _ROLES))


def rights_table() -> str:
    """Return the rights of each role, by table."""
    names = dict.fromkeys(name for role in _ROLES for grant in role.grants for name in grant.tables)
    rows = dict.fromkeys("{kind}_data" if name in _KINDS else name for name in names)
    return table(
        ("table", *(code(role.name) for role in _ROLES)),
        [(code(row), *(_cell(role, row) for role in _ROLES)) for row in rows],
    )


def roles_table() -> str:
    """Return whose each role is."""
    return table(("role", "for"), [(code(role.name), role.purpose) for role in _ROLES])


def _cell(role: Role, row: str) -> str:
    name = _KINDS[0] if row == "{kind}_data" else row
    return ", ".join(verb for grant in role.grants if name in grant.tables for verb in grant.verbs)


def _statement(grant: Grant, role: Role) -> str:
    return fill(grant_statement(grant.verbs, grant.tables, role.name), 120, subsequent_indent="    ")


def _block(text: str) -> str:
    return f"```sql\n{text}\n```"
