"""Our own processes die at the worst moment; nothing is lost, nothing is done twice."""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.samples import hrv_reading
from support.services import Client, Service, Site
from support.wait import eventually

from athlete_ally.adapters.files.key_file import KeyFile, write_key_file
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, normalize_durable, raw_subject, stored_subject
from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage

DURABLE = normalize_durable("hrv")
STEPS = [f"{when}-{what}" for what in ("store", "dead-letter", "announce", "ack") for when in ("before", "after")]


@pytest.mark.parametrize("step", ["before-publish", "after-publish"])
async def test_ingest_dies_between_publish_and_answer(site: Site, step: str) -> None:
    """
    The client hears nothing and sends again; whether the stream had it or not, the reading is stored once.
    """
    dying = await site.service("ingest", dies=step).start().ready()
    healthy = site.service("ingest")
    normalize = await site.service("normalize").start().ready()
    addresses = iter([dying.url])
    client = Client(lambda: next(addresses, healthy.url))
    healthy.start()
    await client.send(hrv_reading("a"))

    assert client.statuses[:1] == [0]
    assert client.duplicates == (1 if step == "after-publish" else 0)
    await site.balance(1, normalize)
    assert await site.stored() == {"a": 42.0}


@pytest.mark.parametrize("step", STEPS)
async def test_normalize_dies_after_each_of_its_steps(site: Site, step: str) -> None:
    """
    A healthy worker finishes what the dead one began: right records, one announcement, one letter, a balanced ledger.
    """
    ingest = await site.service("ingest").start().ready()
    client = Client(lambda: ingest.url)
    await site.retrying_with(DURABLE, 1)
    dying = await site.service("normalize", dies=step).start().ready()
    await client.send([hrv_reading("a"), hrv_reading("impossible", 900)], count=2)
    await client.send(hrv_reading("b"))
    assert await dying.exit_code() != 0
    normalize = await site.service("normalize").start().ready()
    await site.balance(3, normalize)

    assert await site.stored() == {"a": 42.0, "b": 42.0}
    assert [letter.headers[headers.READINGS] for letter in await site.letters()] == ["1"]
    stream = await NatsAdmin(site.connection).stream(CORE_HOT, stored_subject("hrv"))
    assert stream is not None
    assert {stored_subject("hrv"): 2} == stream.by_subject


async def test_a_message_that_kills_every_worker_takes_nobody_along(site: Site) -> None:
    """
    Worker after worker dies of one reading; in the end that message is dead-lettered, and all others are stored.
    """
    ingest = await site.service("ingest").start().ready()
    client = Client(lambda: ingest.url)
    await site.retrying_with(DURABLE, 0.5)
    for user in ("a", "killer", "b"):
        await client.send(hrv_reading(user))
    deaths = 0
    while not await site.is_settled():
        dying = site.service("normalize", dies="in-normalise:killer", AA_NORMALIZE_MAX_DELIVER="4").start()

        async def is_over(worker: Service = dying) -> bool:
            return not worker.is_running or await site.is_settled()

        await eventually(is_over, within_s=30)
        deaths += not dying.is_running
        dying.close()
        assert deaths < 10
    (letter,) = await site.letters()

    assert (
        letter.headers[headers.DLQ_REASON],
        [reading["userId"] for reading in json.loads(letter.body)["readings"]],
    ) == ("max-deliver", ["killer"])
    await site.balance(3, await site.service("normalize").start().ready())


async def test_several_workers_share_and_one_may_die(site: Site) -> None:
    """
    Three workers, one killed amid a hundred messages: every reading is stored, none twice.
    """
    ingest = await site.service("ingest").start().ready()
    workers = [await site.service("normalize").start().ready() for _ in range(3)]
    await site.retrying_with(DURABLE, 2)
    client = Client(lambda: ingest.url)
    for number in range(100):
        await client.send(hrv_reading(f"u{number}"))
        if number == 50:
            workers[0].kill()
    await site.balance(100, workers[1])

    assert len(await site.stored()) == 100


async def test_readings_late_twice_and_out_of_order(site: Site) -> None:
    """
    The newest capture first, then older ones, then all of them again: the newest stays, the repeats are recognised.
    """
    ingest = await site.service("ingest").start().ready()
    normalize = await site.service("normalize").start().ready()
    client = Client(lambda: ingest.url)
    for _ in range(2):
        for rmssd, minutes_ago in ((50, 10), (40, 30), (60, 90)):
            await client.send(hrv_reading("a", rmssd, minutes_ago))
    await site.balance(3, normalize)

    assert (client.duplicates, await site.stored()) == (3, {"a": 50.0})


async def _publish_hrv(site: Site, users: Iterable[str], *, senders: int = 2) -> None:
    """Publish a good reading of each of these people, in turn from so many senders."""
    publisher = NatsPublisher(site.connection, timeout_s=5)
    for number, user in enumerate(users):
        body = json.dumps({"readings": [hrv_reading(user)]}).encode()
        stated = {headers.READINGS: "1", headers.SENDER: f"key:{number % senders}"}
        await publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, f"of-{user}", stated))


async def test_a_bad_deploy_trips_probes_and_runs_on_after_the_fix(site: Site) -> None:
    """
    The database refuses every row of two senders: the worker stops and says since when and why; killed and started, it
    finds the same. After the fix it stores again by itself, and every reading is accounted for.
    """
    normalize = await site.service("normalize", AA_FUSE_PROBE_AFTER_S="0.5").start().ready()
    await site.retrying_with(DURABLE, 1)
    await site.say("ALTER TABLE hrv_data ADD CONSTRAINT broken CHECK (rmssd_ms < 0) NOT VALID")

    async def is_stopped() -> bool:
        return "normalize stopped storing hrv at" in await normalize.text("/health/ready")

    await _publish_hrv(site, (f"a{number}" for number in range(60)))
    await eventually(is_stopped)
    assert (await normalize.status("/health/ready"), await normalize.status("/health")) == (503, 200)
    assert 'normalize_fuse_open{durable="normalize-hrv-durable"} 1.0' in await normalize.metrics()
    normalize.kill()
    await _publish_hrv(site, (f"b{number}" for number in range(60)))
    normalize.start()
    await eventually(is_stopped)
    assert "fuse-open" in normalize.log

    await site.say("ALTER TABLE hrv_data DROP CONSTRAINT broken")
    await _publish_hrv(site, ["good", "better"])
    await normalize.ready()
    await site.balance(122, normalize)
    assert {"good", "better"} <= set(await site.stored())
    assert 'normalize_fuse_state{durable="normalize-hrv-durable",state="running"} 1.0' in await normalize.metrics()


async def test_a_bad_deploy_at_a_site_with_one_sender_trips(site: Site) -> None:
    """
    The sender's readings were stored until the deploy, none is after it: the worker stops, and runs on after the fix.
    """
    normalize = await site.service("normalize", AA_FUSE_PROBE_AFTER_S="0.5").start().ready()
    await site.retrying_with(DURABLE, 1)
    await _publish_hrv(site, (f"a{number}" for number in range(60)), senders=1)
    await site.balance(60, normalize)
    normalize.kill()
    await site.say("ALTER TABLE hrv_data ADD CONSTRAINT broken CHECK (rmssd_ms < 0) NOT VALID")
    await _publish_hrv(site, (f"b{number}" for number in range(80)), senders=1)
    normalize.start()

    async def is_stopped() -> bool:
        return "after 50 failed readings from key:0 (50)" in await normalize.text("/health/ready")

    await eventually(is_stopped)
    await site.say("ALTER TABLE hrv_data DROP CONSTRAINT broken")
    await _publish_hrv(site, ["good"], senders=1)
    await normalize.ready()
    await site.balance(141, normalize)
    assert "good" in await site.stored()


async def test_one_client_in_a_wrong_unit_stops_nobody(site: Site, tmp_path: Path) -> None:
    """
    Seventy readings of one key in a wrong unit, one a request, while another key sends: every good reading is stored,
    the bad ones are dead letters that name their key, and the worker never stops.
    """
    path = tmp_path / "keys.json"
    names = ("wrong", "right")
    keys = (ClientKey(name=name, sha256=digest(f"aak_{name}"), created="2026-11-20") for name in names)
    write_key_file(path, KeyFile(keys=tuple(keys)))
    ingest = await site.service("ingest", AA_INGEST_KEYS_FILE=str(path)).start().ready()
    normalize = await site.service("normalize").start().ready()
    wrong, right = (Client(lambda: ingest.url, key=f"aak_{name}") for name in names)
    for number in range(70):
        await wrong.send(hrv_reading(f"w{number}", 900))
        if number % 7 == 0:
            await right.send(hrv_reading(f"r{number}"))
    await site.balance(80, normalize)

    assert len(await site.stored()) == 10
    assert [letter.sender for letter in await site.letters()] == ["key:wrong"] * 70
    assert await normalize.is_ready()
    assert "fuse-open" not in normalize.log


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for another process; stdin is tested there")
@pytest.mark.parametrize("way", ["terminate", "close_stdin"])
async def test_a_stop_drains(site: Site, way: str) -> None:
    """
    Told to stop amid traffic, both services end with 0, and every 202 that was heard is accounted for.
    """
    ingest = await site.service("ingest").start().ready()
    normalize = await site.service("normalize").start().ready()
    client = Client(lambda: ingest.url)

    async def send_many() -> None:
        for number in range(200):
            await client.send(hrv_reading(f"u{number}"))

    sending = asyncio.create_task(send_many())

    async def under_way() -> bool:
        return client.accepted > 20

    await eventually(under_way)
    for service in (ingest, normalize):
        getattr(service, way)()
    assert [await ingest.exit_code(), await normalize.exit_code()] == [0, 0]
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    normalize = await site.service("normalize").start().ready()
    await eventually(site.is_settled)

    assert client.accepted <= (await site.totals())["readings"] <= client.accepted + 1
    assert "Task was destroyed" not in ingest.log + normalize.log
