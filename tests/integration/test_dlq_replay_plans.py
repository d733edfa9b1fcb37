"""The plan of a replay: how much of what is chosen, and when it is refused."""

from pathlib import Path
from typing import Any

import pytest
from support.letters import Bench
from support.samples import hrv_reading
from support.servers import Nats

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, raw_subject
from athlete_ally.core.messages.message import OutgoingMessage


@pytest.fixture
async def bench(connection: Connection, pool: Any, nats_server: Nats, database_url: str) -> Bench:
    """Give the test a bench of its own."""
    return Bench(connection, pool, {"NATS_URL": nats_server.url, "DATABASE_URL": database_url, "NO_COLOR": "1"})


async def test_a_plan_says_what_would_be_done_and_does_nothing(bench: Bench) -> None:
    """
    How many, to which durable, how long, the predicted outcome, and at most --max; nothing is sent or recorded.
    """
    for user in "abc":
        await bench.write(hrv_reading(user))
    await bench.write(hrv_reading("d", 900))
    whole = await bench.run("replay", "--all", "--rate", "2", "--plan", "--json")
    most = await bench.run("replay", "--all", "--max", "2", "--plan", "--json")
    text = await bench.run("replay", "--all", "--rate", "2", "--plan")

    plan = whole.document["plan"]
    assert (whole.code, plan["letters"], plan["by_durable"], plan["seconds"]) == (
        0,
        4,
        {"normalize-hrv-durable": 4},
        2.0,
    )
    assert (plan["prediction"]["passing"], plan["prediction"]["failing"]) == (3, 1)
    assert (most.document["plan"]["letters"], most.document["plan"]["prediction"]["letters"]) == (2, 2)
    assert "4 dead letters with 4 readings, at 2 per second: about 2 s" in text.out
    assert (await bench.journal(), await bench.listed()) == ([], [1, 2, 3, 4])


async def test_nothing_is_replayed_to_a_durable_that_is_far_behind(bench: Bench, tmp_path: Path) -> None:
    """
    More messages are undelivered than the environment file calls late: exit code 3, the number, and what to do.
    """
    text = Path("deploy/environments/dev.toml").read_text("utf-8")
    file = tmp_path / "dev.toml"
    file.write_text(text.replace("consumer_lag_messages = 10_000", "consumer_lag_messages = 2"), "utf-8")
    await bench.write(hrv_reading("a"))
    publisher = NatsPublisher(bench.connection, timeout_s=5)
    codes: list[int] = []
    for number in range(3):
        codes.append((await bench.run("replay", "--all", "--plan", AA_ENVIRONMENT_FILE=str(file))).code)
        await publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), b"{}", f"m-{number}", {}))
    refused = await bench.run("replay", "--all", "--yes", AA_ENVIRONMENT_FILE=str(file))

    assert (codes, refused.code) == ([0, 0, 0], 3)
    assert "3 messages behind, more than 2: let it catch up first" in refused.err
    assert (await bench.journal(), await bench.listed()) == ([], [1])
