"""Options of the commands on one durable."""

from datetime import UTC, datetime
from typing import Any

import click

from athlete_ally.core.units_text import Span

yes_option = click.option("--yes", is_flag=True, help="Don't ask.")


class SpanType(click.ParamType[Span]):
    """A time span such as 30m."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Span:
        """Read `90s`, `30m` or `2h`."""
        try:
            return Span.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class InstantType(click.ParamType[datetime]):
    """An instant with its offset."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read an instant in RFC 3339; one without an offset is ambiguous, and refused."""
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError as error:
            self.fail(f"{error}; expected an instant such as 2026-11-24T06:30:00Z", param, ctx)
        if at.tzinfo is None:
            self.fail("the offset is missing: write 2026-11-24T06:30:00Z, or +01:00 for Z", param, ctx)
        return at.astimezone(UTC)
