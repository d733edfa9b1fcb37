"""Tests and replays started from a page; they continue while no page is open."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from athlete_ally.console.dead_letters import DeadLetterTools, OpenLetterTools
from athlete_ally.core.audit_log import AuditEntry
from athlete_ally.core.errors import AthleteAllyError, Refused, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.ops.dead_letters.replay import Replay
from athlete_ally.ops.dead_letters.replay_plan import Plan, Terms, make_plan, plan_of, refusals
from athlete_ally.ops.dead_letters.replay_progress import Progress
from athlete_ally.ops.dead_letters.selection import Selection

T = TypeVar("T")

State = Literal["running", "asks", "ended", "interrupted", "elsewhere"]
"""The state of a replay: `asks` waits for an answer after the canary, `elsewhere` is run by another process."""

# Results are kept for the people who wait for them; the journal records what was done.
_MOST_KEPT = 50


@dataclass(slots=True)
class Test:
    """A test of dead letters, which is also the plan of their replay. `error` says why it failed."""

    key: str
    selection: Selection
    terms: Terms
    looked_at: int = 0
    plan: Plan | None = None
    error: str = ""

    @property
    def is_done(self) -> bool:
        """Tell whether the test has a result."""
        return self.plan is not None or bool(self.error)


@dataclass(frozen=True, slots=True)
class LeftOff:
    """A replay that did not finish and that this console does not run, as the journal records it."""

    plan: Plan
    progress: Progress
    state: State
    error: str = ""


@dataclass(slots=True)
class Running:
    """A replay that this console runs."""

    plan: Plan
    replay: Replay
    state: State = "running"
    error: str = ""
    answer: "asyncio.Future[bool] | None" = None

    @property
    def progress(self) -> Progress:
        """Return its progress."""
        return self.replay.progress

    def say(self, *, go_on: bool) -> None:
        """Answer the question after the canary, or stop a running replay."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(go_on)
        elif not go_on:
            self.replay.stop.set()


@dataclass(slots=True)
class Replays:
    """All tests and replays of this console."""

    letter_tools: OpenLetterTools
    new_run: Callable[[], str]
    log: Log
    tests: dict[str, Test] = field(default_factory=dict[str, Test])
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    def test(self, selection: Selection, terms: Terms) -> Test:
        """Start a test of dead letters; nothing is changed."""
        test = Test(self.new_run(), selection, terms)
        _keep(self.tests, test.key, test)
        self._go(self._test(test))
        return test

    async def start(self, plan: Plan, actor: str) -> str:
        """Start the replay of a test, and return the name of its run.

        Raises:
            Refused: it is not possible now. Unavailable: the broker or the database can't be reached.
        """
        return await self._start(plan, self.new_run(), actor, ())

    async def resume(self, run: str, actor: str) -> str:
        """Resume a replay that was stopped or killed, with its original terms.

        Raises:
            Refused: there is no such run, it is finished, or it is not possible now.
            Unavailable: the broker or the database can't be reached.
        """
        before = await self.letter_tools().journal.entries_of(run)
        return await self._start(plan_of(run, before), run, actor, before)

    async def left_off(self, run: str) -> LeftOff | None:
        """Return the progress of a replay that this console does not run; None when there is nothing to resume.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        letter_tools = self.letter_tools()
        if letter_tools.no_history:
            raise Unavailable(f"PostgreSQL: {letter_tools.no_history}")
        before = await letter_tools.journal.entries_of(run)
        try:
            plan = plan_of(run, before)
        except Refused:
            return None
        progress = Progress(run, plan.letters)
        progress.take_up(before)
        return LeftOff(plan, progress, "elsewhere" if await letter_tools.journal.is_busy() else "interrupted")

    async def unfinished(self) -> list[tuple[str, State]]:
        """Return the replays that started and did not finish, the latest first, with the state of each.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        journal = self.letter_tools().journal
        runs = await journal.unfinished()
        is_elsewhere = bool(runs) and not self._is_replaying and await journal.is_busy()
        otherwise: State = "elsewhere" if is_elsewhere else "interrupted"
        here: dict[str, State] = {run: each.state for run, each in self.running.items() if each.state != "ended"}
        return [(run, here.get(run, otherwise)) for run in runs]

    @property
    def _is_replaying(self) -> bool:
        return any(each.state != "ended" for each in self.running.values())

    async def close(self, within_s: float) -> None:
        """Stop all replays where they can be resumed."""
        for each in self.running.values():
            each.say(go_on=False)
            each.replay.stop.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()

    async def _test(self, test: Test) -> None:
        def tell(looked_at: int) -> None:
            test.looked_at = looked_at

        try:
            letter_tools = self.letter_tools()
            test.plan = await make_plan(
                letter_tools.reader,
                letter_tools.durables,
                letter_tools.predictor,
                test.selection,
                test.terms,
                tell=tell,
            )
        except AthleteAllyError as error:
            test.error = str(error)

    async def _start(self, plan: Plan, run: str, actor: str, before: Sequence[AuditEntry]) -> str:
        letter_tools = self.letter_tools()
        if letter_tools.no_history:
            raise Refused(f"replays need the database: {letter_tools.no_history}")
        if self._is_replaying:
            raise Refused("another replay is running: wait until it ends, or stop it")
        why_not = await refusals(letter_tools.durables, plan.by_durable, plan.terms.most_behind)
        if why_not:
            raise Refused("; ".join(why_not))
        replay = Replay(plan, letter_tools.replay_tools(), actor, Progress(run, plan.letters))
        running = Running(plan, replay)
        replay.may_go_on = lambda _: _ask(running)
        _keep(self.running, run, running)
        self._go(self._run(letter_tools, running, before))
        return run

    async def _run(self, letter_tools: DeadLetterTools, running: Running, before: Sequence[AuditEntry]) -> None:
        try:
            async with letter_tools.journal.alone():
                await running.replay.run(before)
        except AthleteAllyError as error:
            running.error = str(error)
            self.log.warning("replay-failed", run=running.progress.run, error=type(error).__name__)
        finally:
            running.state = "ended"

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _ask(running: Running) -> bool:
    """Wait for a person to review the canary and answer."""
    running.answer = asyncio.get_running_loop().create_future()
    running.state = "asks"
    try:
        return await running.answer
    finally:
        running.state = "running"


def _keep(kept: dict[str, T], key: str, value: T) -> None:
    kept[key] = value
    while len(kept) > _MOST_KEPT:
        kept.pop(next(iter(kept)))
