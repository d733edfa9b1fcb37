"""Options of the commands on one durable."""

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
