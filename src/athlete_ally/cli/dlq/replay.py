"""`dlq replay`: send dead letters again to the durable that failed."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress as Bar
from rich.progress import TaskID

from athlete_ally.cli.confirm import ask
from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.dlq.options import SEQUENCE, all_option, chosen_letters, filter_options, yes_option
from athlete_ally.cli.dlq.text import counted, prediction_text
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.audit_log import AuditEntry
from athlete_ally.core.broker.topology import VENDOR_HOT
from athlete_ally.core.errors import Refused, Unavailable
from athlete_ally.ops.dead_letters.json_views import plan_document
from athlete_ally.ops.dead_letters.replay import Replay
from athlete_ally.ops.dead_letters.replay_plan import MOST_REPLAYS, Plan, Terms, make_plan, plan_of, refusals
from athlete_ally.ops.dead_letters.replay_progress import Progress
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.commands.dlq import DeadLetterTools, actor, letter_tools_session, new_run
from athlete_ally.wiring.services.event_loop import run, stop_on_signals


@click.command()
@click.argument("seq", type=SEQUENCE, nargs=-1)
@all_option
@filter_options
@click.option("--plan", "only_plan", is_flag=True, help="Only print the plan (read-only).")
@click.option(
    "--rate",
    "rate_per_s",
    type=click.FloatRange(0.1, 10_000),
    default=100,
    show_default=True,
    help="Dead letters per second.",
)
@click.option("--max", "most", type=click.IntRange(min=1), help="Replay at most this many dead letters.")
@click.option(
    "--canary",
    type=click.IntRange(min=0),
    default=0,
    help="Replay this many first, wait for their outcome, then ask to continue.",
)
@click.option(
    "--stop-at",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Stop when more than this share fails again.",
)
@click.option("--force", is_flag=True, help=f"Include dead letters that were replayed {MOST_REPLAYS} times already.")
@click.option("--resume", metavar="RUN", help="Continue a run that was killed or stopped, with its original options.")
@yes_option
@env_file_option
@json_option
def replay(  # noqa: PLR0913  # one for each option
    seq: tuple[int, ...],
    *,
    everything: bool,
    only_plan: bool,
    resume: str | None,
    yes: bool,
    env_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Send dead letters again, each to the durable that failed and to no other. (changing)

    Shows a plan first: how many, the predicted outcome with today's code, how long it takes. A dead letter is removed
    from AA_DLQ only once its outcome is recorded. One that fails again stays, and its count of replays goes up.

    Exit code 0 when all passed, 2 when some failed again or the run stopped early, 3 when refused: the durable
    is missing, paused or far behind, another replay is running, or no dead letter is left to replay.
    """
    settings = load_settings(env_file)
    terms = _terms(options, settings)
    command = _Command(settings, as_json=as_json, yes=yes)
    if resume is not None:
        raise SystemExit(run(command.resume(resume)))
    selection = chosen_letters(options, seq, everything=everything)
    raise SystemExit(run(command.begin(selection, terms, only_plan=only_plan)))


def _terms(options: dict[str, Any], settings: Settings) -> Terms:
    names = ("rate_per_s", "most", "canary", "stop_at", "force")
    behind = environment_of(settings).thresholds.consumer_lag_messages
    return Terms(**{name: options.pop(name) for name in names}, most_behind=behind)


class _Command:
    def __init__(self, settings: Settings, *, as_json: bool, yes: bool) -> None:
        self._settings = settings
        self._as_json = as_json
        self._yes = yes

    async def begin(self, selection: Selection, terms: Terms, *, only_plan: bool) -> Exit:
        async with letter_tools_session(self._settings, changing=True) as letter_tools:
            plan = await self._plan(letter_tools, selection, terms)
            if only_plan:
                if self._as_json:
                    click.echo(json.dumps({"plan": plan_document(plan)}))
                return Exit.REFUSED if plan.refusals else Exit.AS_DESIRED
            _refuse(plan.refusals)
            if not self._yes:
                ask(f"replay {counted(plan.letters, 'dead letter')}?", otherwise="--yes")
            return await self._run(letter_tools, plan, new_run(), ())

    async def resume(self, run_id: str) -> Exit:
        async with letter_tools_session(self._settings, changing=True) as letter_tools:
            before = await letter_tools.journal.entries_of(run_id)
            plan = plan_of(run_id, before)
            _refuse(await refusals(letter_tools.durables, plan.by_durable, plan.terms.most_behind))
            self._say(f"continuing {run_id}")
            return await self._run(letter_tools, plan, run_id, before)

    async def _plan(self, letter_tools: DeadLetterTools, selection: Selection, terms: Terms) -> Plan:
        with progress_bar() as bar:
            task = bar.add_task("testing dead letters", total=None)
            plan = await make_plan(
                letter_tools.reader,
                letter_tools.durables,
                letter_tools.predictor,
                selection,
                terms,
                tell=lambda count: bar.update(task, completed=count),
            )
        for line in plan_lines(plan, await letter_tools.journal.unfinished()):
            self._say(line)
        return plan

    async def _run(self, letter_tools: DeadLetterTools, plan: Plan, run_id: str, before: Sequence[AuditEntry]) -> Exit:
        progress = Progress(run_id, plan.letters)
        async with letter_tools.journal.alone():
            with progress_bar() as bar:
                task = bar.add_task(f"replaying ({run_id})", total=plan.letters)
                replay = Replay(
                    plan,
                    letter_tools.replay_tools(),
                    actor(),
                    progress,
                    hears=lambda progress: _show(bar, task, progress),
                    may_go_on=self._ask(bar),
                )
                stop_on_signals(replay.stop)
                try:
                    await replay.run(before)
                except Unavailable:
                    click.echo(f"once it is available again: athlete-ally dlq replay --resume {run_id}", err=True)
                    raise
        return self._conclude(plan, progress)

    def _ask(self, bar: Bar) -> Any:
        async def ask(progress: Progress) -> bool:
            canary = f"{progress.settled} replayed: {progress.stored} stored, {progress.superseded} superseded, "
            self._say(f"{canary}{progress.failed_readings} failed again")
            if self._yes:
                return True
            bar.stop()
            answer = await asyncio.to_thread(_is_told_to_go_on)
            bar.start()
            return answer

        return ask

    def _conclude(self, plan: Plan, progress: Progress) -> Exit:
        if self._as_json:
            click.echo(json.dumps({"plan": plan_document(plan), "result": asdict(progress)}))
        else:
            click.echo(
                f"{progress.run}: {progress.removed} of {counted(progress.published, 'dead letter')} passed "
                f"({counted(progress.stored, 'reading')} {_ended(plan)}, {progress.superseded} superseded), "
                f"{progress.failed} failed again"
            )
        if progress.stopped:
            click.echo(f"stopped: {progress.stopped}", err=True)
            click.echo(f"to continue: athlete-ally dlq replay --resume {progress.run}", err=True)
        return Exit.FINDINGS if progress.stopped or progress.failed else Exit.AS_DESIRED

    def _say(self, line: str) -> None:
        """Print a line for a person: on standard error when standard output carries JSON."""
        click.echo(line, err=self._as_json)


def _is_told_to_go_on() -> bool:
    """Ask; without an answer, as when standard input has ended, the other dead letters stay."""
    try:
        return click.confirm("continue with the others?", err=True)
    except click.Abort:
        return False


def _ended(plan: Plan) -> str:
    """Return the outcome of readings; those of a webhook are normalised afterwards, and can still fail then."""
    streams = {stream for stream, _ in plan.by_durable}
    if VENDOR_HOT not in streams:
        return "stored"
    return "passed on to be normalised" if streams == {VENDOR_HOT} else "stored or passed on to be normalised"


def _show(bar: Bar, task: TaskID, progress: Progress) -> None:
    described = f"{progress.settled} finished, {progress.in_flight} in flight, {progress.failed} failed again"
    bar.update(task, completed=progress.settled, description=described)


def _refuse(reasons: Sequence[str]) -> None:
    if reasons:
        raise Refused("; ".join(reasons))


def plan_lines(plan: Plan, unfinished: Sequence[str]) -> list[str]:
    """Return the lines of a plan."""
    pace = f"at {plan.terms.rate_per_s:g} per second: about {plan.seconds:.0f} s"
    lines = [f"{counted(plan.letters, 'dead letter')} with {counted(plan.tally.readings, 'reading')}, {pace}"]
    lines += [
        f"  {count} to {durable} on {stream}, on its redrive lane"
        for (stream, durable), count in plan.by_durable.items()
    ]
    lines += prediction_text(plan.tally).splitlines()
    lines += [f"skipped: {count}, {why}" for why, count in plan.skipped.items()]
    lines += [f"an earlier run did not finish: athlete-ally dlq replay --resume {run}" for run in unfinished[:3]]
    return lines
