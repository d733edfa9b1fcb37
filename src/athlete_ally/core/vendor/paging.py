"""Requests whose answers come in pages. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from athlete_ally.core.vendor.call import Call


def paged(call: Call, following: Callable[[bytes], Mapping[str, str] | None], then: Call | None = None) -> Call:
    """Return a request that goes on page by page.

    `following` finds in an answer what the request for the next page says beside the first one, or None in the last
    answer, after which `then` is asked.
    """

    def go_on(body: bytes) -> Call | None:
        more = following(body)
        if more is None:
            return then
        if call.form is None:
            return paged(replace(call, query={**call.query, **more}), following, then)
        return paged(replace(call, form={**call.form, **more}), following, then)

    return replace(call, then=go_on)
