"""Runbooks as tests: every fenced command of a section is run, in order, and its output compared.

A page says what the scene is in comments (`<!-- scene: ... -->`), which readers don't see.
"""

import asyncio
import json
import re
import shlex
from collections.abc import Awaitable, Callable, Iterator
from contextlib import chdir, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.errors import APIError, NotFoundError

from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.broker.topology import CORE_HOT, STREAMS, dead_letter_subject, normalize_durable, raw_subject
from athlete_ally.core.messages import headers
from athlete_ally.measurements import HRV
from support.commands import in_process
from support.samples import hrv_reading, hrv_record, request
from support.servers import Nats
from support.wait import eventually

LEFT = "normalize-steps-durable"
ROOT = Path(__file__).parents[2]
_STEP = re.compile(
    r"<!-- scene: (?P<scene>[^>]+) -->"
    r"|```sh(?: exit=(?P<exit>\d+))?\n(?P<commands>.*?)```(?:\n+```text\n(?P<expected>.*?)```)?",
    re.DOTALL,
)
# What differs from run to run: instants, ids, sizes, and how many kinds and vendors there are.
_MASKS = (
    (re.compile(r"\d{8}T\d{6}(Z|-[0-9a-f]{6})"), "ID"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|\+00:00)?"), "TIME"),
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "DAY"),
    (re.compile(r"[\d.,]+ (bytes|kB|KiB|MB|MiB|GiB)"), "SIZE"),
    (re.compile(r"\b\d+ ?s\b"), "SPAN"),
    (re.compile(r"\d+ (changes|durables|safe)"), r"N \1"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a section does: set a scene, or run commands."""

    scene: str | None
    commands: tuple[str, ...]
    exit_code: int
    expected: str | None


def sections(page: Path) -> dict[str, str]:
    """Return the sections of a page that have commands, by their headings."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: text for heading, text in zip(parts[1::2], parts[2::2], strict=True) if "```sh" in text}


def steps(section: str) -> Iterator[Step]:
    """Yield what a section does, in order."""
    for found in _STEP.finditer(section):
        commands = tuple(line for line in (found["commands"] or "").splitlines() if line)
        yield Step(found["scene"], commands, int(found["exit"] or 0), found["expected"])


def masked(text: str) -> list[str]:
    """Return the lines of an output without what differs from run to run."""
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def agrees(expected: str, found: str) -> bool:
    """Tell whether an output is as expected; a line `...` stands for any number of lines."""
    lines = ("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in masked(expected))
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in masked(found))) is not None


class Stage:
    """A folder, and a server without streams of ours, in which a section is played."""

    def __init__(self, server: Nats, other: Callable[[], Nats], folder: Path, database_url: str) -> None:
        """Empty the server; the environment's file is that of dev, to be edited. `other` starts another server."""
        self._server, self._other, self._folder, self._database_url = server, other, folder, database_url
        asyncio.run(self._with(_empty))
        text = (ROOT / "deploy" / "environments" / "dev.toml").read_text(encoding="utf-8")
        (folder / "environment.toml").write_text(text, encoding="utf-8")

    def set_scene(self, scene: str) -> None:
        """Do what a comment says."""
        verb, *words = shlex.split(scene)
        scenes: dict[str, Callable[..., None]] = {
            "streams": lambda: self._expect("athlete-ally streams apply --yes"),
            "messages": self._fill_with,
            "edit": self._edit,
            "silence": self._silence,
            "place": self._place,
            "old": self._wait_until_old,
            "lost-server": lambda: self._run(_empty),
            "other-server": self._move,
            "lost-durable": lambda: self._run(lambda client: _delete_durable(client, normalize_durable("hrv"))),
            "left-durable": lambda: self._run(_create_durable),
            "deleted-durable": lambda: self._run(lambda client: _delete_durable(client, LEFT)),
            "full": lambda: self._run(_fill_up),
            "person": lambda: self._run(self._person),
        }
        scenes[verb](*words)

    def run(self, command: str) -> tuple[int, str]:
        """Run one command line; standard error comes with standard output, as on a terminal."""
        words = [path for word in shlex.split(command.removeprefix("uv run ")) for path in self._expanded(word)]
        assert words[0] == "athlete-ally", f"only our own commands are run here: {command}"
        environment = {
            "NATS_URL": self._server.url,
            "DATABASE_URL": self._database_url,
            "AA_NATS_MONITOR_URL": self._server.monitor_url,
            "AA_ENVIRONMENT_FILE": str(self._folder / "environment.toml"),
            "AA_STREAMS_JOURNAL": str(self._folder / "journal.jsonl"),
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }
        with chdir(self._folder):
            done = in_process(environment, *words[1:])
        return done.code, done.out + done.err

    def _expanded(self, word: str) -> list[str]:
        if "*" not in word:
            return [word]
        return sorted(path.relative_to(self._folder).as_posix() for path in self._folder.glob(word))

    def _expect(self, command: str) -> None:
        code, said = self.run(command)
        assert code == 0, said

    def _edit(self, stream: str, field: str, value: str) -> None:
        """Change one limit of a stream in the environment's file."""
        path = self._folder / "environment.toml"
        head, name, rest = path.read_text(encoding="utf-8").partition(f"[streams.{stream}]\n")
        path.write_text(head + name + re.sub(rf'{field} = ".*?"', f'{field} = "{value}"', rest, count=1), "utf-8")

    def _fill_with(self, count: str, settled: str) -> None:
        self._run(lambda client: _fill(client, int(count), int(settled)))

    def _wait_until_old(self, seconds: str) -> None:
        self._run(lambda client: _until_old(client, float(seconds)))

    def _place(self, stream: str, tag: str) -> None:
        """Ask for servers with a tag for a stream in the environment's file."""
        with (self._folder / "environment.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[streams.{stream}.placement]\ntags = ["{tag}"]\n')

    def _silence(self, finding: str, reason: str) -> None:
        with (self._folder / "environment.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[silence]\n"{finding}" = "{reason}"\n')

    def _move(self) -> None:
        self._server = self._other()

    def _run(self, work: Callable[[Any], Awaitable[None]]) -> None:
        asyncio.run(self._with(work))

    async def _with(self, work: Callable[[Any], Awaitable[None]]) -> None:
        client: Any = await nats.connect(self._server.url)  # pyright: ignore[reportUnknownMemberType]  # untyped
        await work(client)
        await client.close()

    async def _person(self, client: Any) -> None:
        """Give Anna and Ben readings in common, settled, a dead letter in common, and a record each."""
        both = [hrv_reading("anna", 41), hrv_reading("ben", 42)]
        await _publish(client, raw_subject("hrv"), [hrv_reading("anna", 40)])
        await _publish(client, raw_subject("hrv"), both)
        await _publish(client, dead_letter_subject("hrv", "non-retryable"), both, **{headers.READINGS: "2"})
        await _settle(client, 2)
        pool = await open_pool(self._database_url, size=1)
        await PostgresStore(pool).store(HRV, [request(hrv_record("anna"), hrv_record("ben"))])
        await close_pool(pool, within_s=1)


async def _empty(client: Any) -> None:
    for name in STREAMS:
        with suppress(NotFoundError):
            await client.jetstream().delete_stream(name)


async def _publish(client: Any, subject: str, readings: list[dict[str, Any]], **stated: str) -> None:
    body = json.dumps({"readings": readings}).encode()
    await client.jetstream().publish(subject, body, headers=stated or None)


async def _fill(client: Any, count: int, settled: int) -> None:
    for number in range(count):
        await client.request(raw_subject("hrv"), bytes(1000), timeout=10, headers={"Nats-Msg-Id": str(number)})
    await _settle(client, settled)


async def _settle(client: Any, count: int) -> None:
    pulls: Any = await client.jetstream().pull_subscribe_bind(normalize_durable("hrv"), CORE_HOT)
    batch: list[Any] = await pulls.fetch(count, timeout=10)
    for message in batch:
        await message.ack_sync()


async def _fill_up(client: Any) -> None:
    """Publish until the stream refuses."""
    with pytest.raises(APIError):
        for _ in range(1000):
            await client.jetstream().publish(raw_subject("hrv"), bytes(100_000))


async def _until_old(client: Any, seconds: float) -> None:
    """Wait until the newest message of AA_CORE_HOT is older than this."""
    answer = json.loads((await client.request(f"$JS.API.STREAM.INFO.{CORE_HOT}")).data)
    newest = datetime.fromisoformat(answer["state"]["last_ts"])

    async def is_old() -> bool:
        return datetime.now(UTC) - newest > timedelta(seconds=seconds)

    await eventually(is_old)


async def _create_durable(client: Any) -> None:
    subject = raw_subject("steps")
    await client.jetstream().add_consumer(CORE_HOT, durable_name=LEFT, ack_policy="explicit", filter_subject=subject)


async def _delete_durable(client: Any, name: str) -> None:
    await client.jetstream().delete_consumer(CORE_HOT, name)
