"""What `up` starts when our application is known at a vendor, and how it ends before all is ready."""

import asyncio
import gc
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeLog
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.processes import Processes
from athlete_ally.config.settings import load_settings
from athlete_ally.config.vendor_secrets import vendor_values
from athlete_ally.core.broker.topology import VENDOR_HOT, fetched_subject
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.wiring.local.simulate import Played, Simulation, run_simulation
from athlete_ally.wiring.local.stack import start_stack, watched


async def test_fetch_is_part_of_it(tmp_path: Path, log: Log) -> None:
    """
    A simulated vendor needs nothing but what is in `connections.env`; what fetch gets of it is in the stream, and the
    key that encrypts tokens is for its owner only.
    """
    env_file, fetch_port = tmp_path / "oura.env", free_port()
    lines = {
        "AA_OURA_CLIENT_ID": "our-application",
        "AA_OURA_CLIENT_SECRET": "its-secret",
        "AA_OURA_WEBHOOK_SECRETS": "a-secret-for-simulations",
        "AA_OURA_WEBHOOK_TOKEN": "a-token-for-simulations",
        "AA_OURA_API_URL": f"http://127.0.0.1:{free_port()}",
        "AA_CONNECT_URL": f"http://127.0.0.1:{fetch_port}",
    }
    env_file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    settings = load_settings(env_file, ingest_port=free_port(), normalize_port=free_port(), fetch_port=fetch_port)
    vendors = vendor_values(["oura"], env_file)
    stack = await start_stack(settings, None, log, services_log_to_files=True, vendors=vendors)
    try:
        told = stack.environment_file
        played = Played()
        wanted = Simulation("oura", users=2, rate=20, count=4, quiet_s=2, env_file=told)
        await run_simulation(load_settings(told), wanted, played, asyncio.Event(), lambda _: None)
        subject = fetched_subject("oura")
        stream = await NatsAdmin(stack.connection).stream(VENDOR_HOT, subject)

        assert (played.is_well, stream and stream.by_subject) == (True, {subject: 4})
        assert sys.platform == "win32" or (stack.folder / "token.key").stat().st_mode & 0o777 == 0o600
    finally:
        await stack.close()


async def test_ports_that_others_have_are_named_before_anything_starts(tmp_path: Path, log: Log) -> None:
    """
    Other programs that listen there are not taken for our services: one line for each port, and no server was started.
    """
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [each.getsockname()[1] for each in (one, other)]
        settings = load_settings(None, ingest_port=ports[0], normalize_port=free_port(), console_port=ports[1])
        with pytest.raises(Misconfigured) as refused:
            await start_stack(settings, tmp_path / "data", log, services_log_to_files=True, extra=("console",))

    says = "port {} is taken, or not allowed: choose another with {}"
    assert str(refused.value).splitlines() == [
        says.format(ports[0], "--port or AA_INGEST_PORT"),
        says.format(ports[1], "--console-port or AA_CONSOLE_PORT"),
    ]
    assert [path.name for path in (tmp_path / "data").iterdir() if path.is_dir()] == []


async def test_stopped_before_it_is_ready() -> None:
    """
    Interrupted during the start, it stops at once: no process goes on, and no error is printed later.
    """
    log = FakeLog()
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    settings = load_settings(None, ingest_port=free_port(), normalize_port=free_port())
    before = asyncio.all_tasks()
    starting = asyncio.create_task(start_stack(settings, None, log, services_log_to_files=True))

    async def is_half_way() -> bool:
        return bool(log.named("starting"))

    await eventually(is_half_way)
    starting.cancel()
    await asyncio.wait({starting})
    gc.collect()
    await asyncio.sleep(0)

    assert (starting.cancelled(), complaints, asyncio.all_tasks() - before) == (True, [], set())


async def test_what_fails_while_it_is_stopped_does_not_complain_later(tmp_path: Path) -> None:
    """
    A driver that answers its cancellation with an error of its own: the stop stays a stop, and nobody hears of it.
    """
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    begun = asyncio.Event()

    async def connect() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise Unavailable("the connection was closed")

    starting = asyncio.create_task(watched(Processes(), tmp_path, connect()))
    await begun.wait()
    starting.cancel()
    await asyncio.wait({starting})
    was_cancelled = starting.cancelled()
    # What nobody retrieved complains when it is collected; the task holds it.
    del starting
    gc.collect()
    await asyncio.sleep(0)

    assert (was_cancelled, complaints) == (True, [])
