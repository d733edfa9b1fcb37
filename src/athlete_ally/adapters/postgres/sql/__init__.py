"""The statements that do not depend on a kind: SQL in `.sql` files, readable and greppable."""

from importlib.resources import files


def load_sql(name: str) -> str:
    """Return the statement in `name.sql`."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
