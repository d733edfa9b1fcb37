"""One request to a vendor's API, and the one that follows from its answer. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Call:
    """One request: GET with `query`, or POST with `form` or `json`. `then` makes the next request from the answer."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] | None = None
    json: Mapping[str, str] | None = None
    then: "Callable[[bytes], Call | None] | None" = None
