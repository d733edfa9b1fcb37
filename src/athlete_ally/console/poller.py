"""Polls each source every few seconds, independently, so that one that hangs delays neither another nor a page."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from athlete_ally.console.figures import Figures, Sample, Source
from athlete_ally.core.errors import AthleteAllyError

_EVERY_S = 2.0
_ANSWER_WITHIN_S = 4.0
# Half a minute of samples: long enough for steady rates, short enough to follow a change.
_SAMPLES = 15


@dataclass(frozen=True, slots=True)
class Polled:
    """The result of one probe: figures, facts such as a version, and the problem that the source itself reports."""

    figures: Figures = field(default_factory=Figures)
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""


Look = Callable[[], Awaitable[Polled]]
"""Probes a source; raises one of our errors when it does not answer."""


@dataclass(slots=True)
class Poller:
    """Keeps the latest samples of the sources."""

    probes: Mapping[str, Look]
    clock: Callable[[], float]
    _samples: dict[str, deque[Sample]] = field(default_factory=dict[str, deque[Sample]], init=False)
    _all_looked: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _looking: dict[str, "asyncio.Task[Polled]"] = field(default_factory=dict[str, "asyncio.Task[Polled]"], init=False)

    async def looked(self, within_s: float) -> None:
        """Return once every source was probed, or after the timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._all_looked.wait()

    def source(self, name: str) -> Source:
        """Return the current state of a source."""
        samples = self._samples.get(name)
        return Source(samples[-1], tuple(samples)[:-1]) if samples else Source()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            for name in self.probes:
                group.create_task(self._keep_looking(name, stop))

    async def _keep_looking(self, name: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.look(name)
            if all(self._samples.get(each) for each in self.probes):
                self._all_looked.set()
            try:
                async with asyncio.timeout(_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self, name: str) -> None:
        """Probe one source once; keep its earlier figures when it does not answer."""
        samples = self._samples.setdefault(name, deque(maxlen=_SAMPLES))
        # A driver may wait for its server even when cancelled: then the probe continues in the background.
        task = self._looking.get(name) or asyncio.create_task(self._look_now(name))
        self._looking[name] = task
        await asyncio.wait({task}, timeout=_ANSWER_WITHIN_S)
        if not task.done():
            self._fail(samples, f"no answer within {_ANSWER_WITHIN_S:g} s")
            return
        del self._looking[name]
        try:
            looked = task.result()
        except AthleteAllyError as error:
            self._fail(samples, str(error))
        else:
            if samples and samples[-1].problem:
                samples.clear()
            now_s = self.clock()
            samples.append(Sample(now_s, looked.figures, looked.facts, looked.problem, read_at_s=now_s))

    async def _look_now(self, name: str) -> Polled:
        return await self.probes[name]()

    def _fail(self, samples: deque[Sample], problem: str) -> None:
        last = samples[-1] if samples else Sample(self.clock())
        samples.append(replace(last, at_s=self.clock(), problem=problem, is_stale=True))
