"""Names instead of numbers for the parameters of long statements."""

import re
from typing import Any

_NAME = re.compile(r"(?<!:):([a-z_]+)")


def bind(sql: str, **values: Any) -> tuple[str, list[Any]]:
    """Return the statement with `$1`, `$2`, ... for `:name`, and the values in that order; unused ones are left out."""
    names = list(dict.fromkeys(_NAME.findall(sql)))
    return _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", sql), [values[name] for name in names]
