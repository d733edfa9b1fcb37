"""`streams plan`: show the changes that are needed."""

from pathlib import Path

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.cli.streams.text import plan_json, plan_lines, plan_markdown
from athlete_ally.config.settings import Settings
from athlete_ally.ops.streams.plan import Plan, encode
from athlete_ally.wiring.commands.streams import plan_for
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to this file, for `apply`."
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a Markdown table for a pull request.")
@settings_options
def plan(*, out: Path | None, as_markdown: bool, settings: Settings, as_json: bool) -> None:
    """Show the changes that are needed, how dangerous each is, and how many messages it would delete. (read-only)

    Exit code 0 when all is as desired, 2 when not, 4 when this is not the server the environment expects.
    """
    made = run(plan_for(settings))
    if out is not None:
        out.write_bytes(encode(made))
    show_plan(made, as_json=as_json, as_markdown=as_markdown)
    raise SystemExit(Exit.FINDINGS if made.changes or made.found else Exit.AS_DESIRED)


def show_plan(made: Plan, *, as_json: bool = False, as_markdown: bool = False) -> None:
    """Print a plan in the requested form."""
    if as_json:
        click.echo(plan_json(made))
    elif as_markdown:
        click.echo(plan_markdown(made))
    else:
        for line in plan_lines(made):
            click.echo(line)
