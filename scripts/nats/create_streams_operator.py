# /// script
# requires-python = ">=3.11"
# dependencies = ["athlete-ally"]
#
# [tool.uv.sources]
# athlete-ally = { path = "../..", editable = true }
# ///
"""Create the streams and durables of an environment, or bring them in line: `athlete-ally streams plan` and `apply`.

uv run scripts/nats/create_streams_operator.py --env production --server tls://nats-1.example.org --nkey planner.nk

uv run scripts/nats/create_streams_operator.py --env production --tlsca ca.pem --tlscert me.pem --tlskey me.key

uv run scripts/nats/create_streams_operator.py --env production --context aa-operator --apply

uv run scripts/nats/create_streams_operator.py --env-file my.toml --apply

The servers of deploy/nats know users by nkey and verify client certificates; a natscli context can contain all of it.
The default is to plan. --apply changes; --yes answers for what is safe, and for nothing else. All further options, and
the exit codes, are those of `athlete-ally streams apply --help`.
"""

import sys
from pathlib import Path

import click

from athlete_ally.cli import main

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "deploy/environments"


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, help=__doc__, add_help_option=True
)
@click.option("--env", type=click.Choice(sorted(path.stem for path in ENVIRONMENTS.glob("*.toml"))))
@click.option("--env-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Instead of --env.")
@click.option("--apply", "go", is_flag=True, help="Change (changing), and not only plan (read-only).")
@click.pass_context
def operator(context: click.Context, *, env: str | None, env_file: Path | None, go: bool) -> None:
    """Hand over to the command."""
    if (env is None) == (env_file is None):
        raise click.UsageError("name the environment: either --env or --env-file")
    path = env_file or ENVIRONMENTS / f"{env}.toml"
    sys.argv = ["athlete-ally", "streams", "apply" if go else "plan", "--environment-file", str(path), *context.args]
    main()


if __name__ == "__main__":
    operator()
