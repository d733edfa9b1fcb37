"""Kill -9 one, two and three of three nats-servers under load, and count the copies of streams that are thrown away.

Runs three servers of its own in a throw-away directory, with the streams of the production environment. After every
round all streams have to have a leader and three current copies again, and every message that was acknowledged in the
round has to be there. POSIX only. Run it from the project, at low priority:

    nice uv run benchmarks/broker_kills.py --kills 200
    nice uv run benchmarks/broker_kills.py --kills 60 --compression s2
"""

import argparse
import asyncio
import base64
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.errors import Error as NatsError

from athlete_ally.adapters.servers.nats_server import find_nats_server
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.broker.topology import Stream, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

_connect: Any = nats.connect  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # untyped
ROOT = Path(__file__).parent.parent
CONFIGURATION = """
server_name: {name}
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}/{name}", max_file_store: 32GB, sync_interval: always }}
cluster {{ name: soak, listen: "127.0.0.1:{cluster_port}", routes: [{routes}] }}
"""
# What a server logs when it gives its copy of a stream away, or can't read it: server/jetstream_cluster.go and
# server/filestore.go of nats-server 2.15.
THROWN_AWAY = re.compile(
    r"error (?:re)?creating stream|error reading compression reader|will be reset|resetting (?:stream|wal)|"
    r"stream .* corrupt|failed to recover|jetstream disabled|out of resources",
    re.IGNORECASE,
)
# One body is as large as a busy batch: blocks of 8 MiB are closed, and packed, every few seconds.
BODY_BYTES = 24 * 1024
MAX_BYTES = 1024**3
# Longer than a round may take, and short enough that the streams never fill up.
MAX_AGE_S = 240
WELL_AGAIN_WITHIN_S = 120.0
# Of an answer whose server is not ready; https://github.com/nats-io/nats-server/blob/main/server/errors.json
UNAVAILABLE = 503


@dataclass(slots=True)
class Server:
    """One of the three."""

    name: str
    url: str
    configuration: Path
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, with the data that it has."""
        with self.log.open("ab") as log:
            argv = [find_nats_server(), "-c", str(self.configuration)]
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)  # noqa: S603  # our own

    def kill(self) -> None:
        """End it as a power cut does to a process."""
        assert self.process is not None  # it was started
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(slots=True)
class Tally:
    """What came of it."""

    kills: int = 0
    rounds: Counter[int] = field(default_factory=Counter[int])
    acknowledged: int = 0
    missing: Counter[str] = field(default_factory=Counter[str])
    missing_after: Counter[int] = field(default_factory=Counter[int])
    not_well: int = 0
    slowest_s: float = 0.0


def main() -> None:
    """Run the rounds, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="servers to kill in all (default 200)")
    parser.add_argument("--compression", choices=("none", "s2"), help="instead of that of the environment's file")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of servers and moments (default 1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="athlete-ally-kills-", ignore_cleanup_errors=True) as folder:
        servers = three_servers(Path(folder))
        try:
            tally = asyncio.run(soak(servers, streams(options.compression), options.kills, options.seed))
        finally:
            for server in servers:
                with suppress(ProcessLookupError):
                    server.kill()
        print(json.dumps(report(tally, servers), indent=1))


def three_servers(folder: Path) -> list[Server]:
    """Return three members of a cluster, started."""
    ports = [(free_port(), free_port()) for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for _, port in ports)
    servers: list[Server] = []
    for number, (port, cluster_port) in enumerate(ports, 1):
        name = f"n{number}"
        configuration = folder / f"{name}.conf"
        values = {"name": name, "port": port, "cluster_port": cluster_port, "folder": folder.as_posix()}
        configuration.write_text(CONFIGURATION.format(routes=routes, **values), encoding="utf-8")
        servers.append(Server(name, f"nats://127.0.0.1:{port}", configuration, folder / f"{name}.log"))
        servers[-1].start()
    return servers


def streams(compression: str | None) -> list[dict[str, Any]]:
    """Return the configurations of production, with less room."""
    spec = load_environment(ROOT / "deploy/environments/production.toml")
    topology = build_topology(KINDS, VENDORS, spec, fetched=FETCHED)
    return [smaller(stream, compression) for stream in topology.streams]


def smaller(stream: Stream, compression: str | None) -> dict[str, Any]:
    """Return a stream's configuration for this run."""
    config = {**stream.config(), "max_bytes": MAX_BYTES, "max_age": MAX_AGE_S * 1_000_000_000}
    config.pop("placement", None)
    return {**config, **({"compression": compression} if compression else {})}


async def soak(servers: list[Server], configs: list[dict[str, Any]], kills: int, seed: int) -> Tally:
    """Kill until so many were killed."""
    chance, tally = random.Random(seed), Tally()  # noqa: S311  # a choice, no secret
    client: Any = await _connect(
        [server.url for server in servers],
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        connect_timeout=2,
        allow_reconnect=True,
        error_cb=ignore,
    )
    await until_well(client, configs, create=True)
    while tally.kills < kills:
        count = chance.choices((1, 2, 3), weights=(3, 1, 1))[0]
        await one_round(client, chance.sample(servers, count), configs, chance, tally)
        print(f"{tally.kills} kills, {tally.missing.total()} missing, {tally.not_well} not well", flush=True)
    await client.close()
    return tally


async def ignore(_error: Exception) -> None:
    """Hear nothing: servers are killed here."""


async def one_round(
    client: Any, victims: list[Server], configs: list[dict[str, Any]], chance: random.Random, tally: Tally
) -> None:
    """Publish, kill in the middle of it, start again, and wait until all is well."""
    acknowledged: dict[int, str] = {}
    stop = asyncio.Event()
    senders = [asyncio.create_task(publish(client, acknowledged, stop, chance.random())) for _ in range(8)]
    await asyncio.sleep(chance.uniform(0.5, 4.0))
    for victim in victims:
        victim.kill()
    await asyncio.sleep(chance.uniform(0.0, 2.0))
    for victim in victims:
        victim.start()
    started_s = time.monotonic()
    is_well = await until_well(client, configs)
    stop.set()
    await asyncio.gather(*senders)
    tally.slowest_s = max(tally.slowest_s, time.monotonic() - started_s)
    tally.kills += len(victims)
    tally.rounds[len(victims)] += 1
    tally.not_well += not is_well
    tally.acknowledged += len(acknowledged)
    found = await missing(client, acknowledged)
    tally.missing += found
    tally.missing_after[len(victims)] += found.total()


async def publish(client: Any, acknowledged: dict[int, str], stop: asyncio.Event, seed: float) -> None:
    """Publish one after the other, and note what was acknowledged."""
    number = 0
    while not stop.is_set():
        number += 1
        identity = f"{seed}-{number}-{time.monotonic_ns()}"
        body = os.urandom(BODY_BYTES // 2).hex().encode()
        with suppress(NatsError, TimeoutError, OSError):
            answer = await client.request(
                "athlete-ally.hrv.raw-received", body, timeout=3, headers={"Nats-Msg-Id": identity}
            )
            document = json.loads(answer.data)
            # A refusal has a sequence, too: 0.
            if "error" not in document:
                acknowledged[document["seq"]] = identity
        await asyncio.sleep(0.02)


async def until_well(client: Any, configs: list[dict[str, Any]], *, create: bool = False) -> bool:
    """Return whether all streams have a leader and three current copies in time, made where they are wanted."""
    ends_at_s = time.monotonic() + WELL_AGAIN_WITHIN_S
    while time.monotonic() < ends_at_s:
        with suppress(NatsError, TimeoutError, OSError, ValueError):
            if create:
                for config in configs:
                    await api(client, f"STREAM.CREATE.{config['name']}", config)
            answers = [await api(client, f"STREAM.INFO.{config['name']}", {}) for config in configs]
            if all(map(is_whole, answers)):
                return True
        await asyncio.sleep(0.2)
    return False


def is_whole(answer: dict[str, Any]) -> bool:
    """Tell whether a stream has a leader and two followers that are current."""
    cluster: dict[str, Any] = answer.get("cluster") or {}
    followers: list[dict[str, Any]] = cluster.get("replicas") or []
    return bool(cluster.get("leader")) and [each.get("current") for each in followers] == [True, True]


async def missing(client: Any, acknowledged: dict[int, str]) -> Counter[str]:
    """Return how many acknowledged messages are not where the acknowledgement said, and what is there instead."""
    found: Counter[str] = Counter()
    for sequence, identity in acknowledged.items():
        answer = await api(client, "STREAM.MSG.GET.AA_CORE_HOT", {"seq": sequence})
        if "error" in answer:
            found[f"error {answer['error'].get('err_code')}"] += 1
        elif identity.encode() not in base64.b64decode(answer["message"].get("hdrs", "")):
            found["another message"] += 1
    return found


async def api(client: Any, subject: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Ask the JetStream API; a cluster may need a moment."""
    for attempt in range(20):
        with suppress(NatsError, TimeoutError):
            answer = await client.request(f"$JS.API.{subject}", json.dumps(payload).encode(), timeout=3)
            document: dict[str, Any] = json.loads(answer.data)
            if document.get("error", {}).get("code") != UNAVAILABLE or attempt == 19:
                return document
        await asyncio.sleep(0.2)
    return {"error": {"err_code": "none: no answer"}}


def report(tally: Tally, servers: list[Server]) -> dict[str, Any]:
    """Return the figures, with what the servers logged about their copies."""
    lines = [line for server in servers for line in server.log.read_text(errors="replace").splitlines()]
    said = Counter(re.sub(r"[\d'\[\]:./-]+", " ", line)[-120:] for line in lines if THROWN_AWAY.search(line))
    return {
        "kills": tally.kills,
        "rounds with one, two, three killed": [tally.rounds[count] for count in (1, 2, 3)],
        "acknowledged": tally.acknowledged,
        "acknowledged and missing": dict(tally.missing),
        "of them after one, two, three killed": [tally.missing_after[count] for count in (1, 2, 3)],
        "rounds after which not all was well": tally.not_well,
        "slowest until all was well (s)": round(tally.slowest_s, 1),
        "log lines about copies thrown away": dict(said),
    }


if __name__ == "__main__":
    main()
