"""The ways to connect, as which user, and the errors when that user lacks a permission."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.commands import Commands
from support.nats_users import Certificates, new_certificates, new_jwt_site, new_nkey, start_configured, start_server
from support.servers import Guard
from support.wait import eventually

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.credentials import Identity
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, Durable, raw_subject
from athlete_ally.core.errors import Misconfigured, PermissionDenied, Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log

NKEY = new_nkey()
_USERS = f"""
listen: "127.0.0.1:@PORT@"
jetstream: {{ store_dir: "@STORE@", sync_interval: always }}
authorization: {{ users: [
  {{ user: all, password: secret }}
  {{ nkey: {NKEY.public} }}
  {{ user: narrow, password: secret, permissions: {{
      publish: ["$JS.API.INFO", "$JS.API.CONSUMER.MSG.NEXT.S.pulls"], subscribe: ["_INBOX_narrow.>"] }} }}
] }}
"""


@pytest.fixture(scope="module")
def port(guard: Guard) -> int:
    """Run a server with three users: everything, everything by nkey, and next to nothing."""
    return start_server(guard, "users", _USERS)


@asynccontextmanager
async def connected(url: str, log: Log, **options: Any) -> AsyncGenerator[Connection]:
    """Give a connection; a server that is still starting is waited for."""
    connection = Connection(url, name="test", log=log, **options)
    async with asyncio.timeout(20):
        await connection.open()
    yield connection
    await connection.close()


@asynccontextmanager
async def narrow(port: int, log: Log, prefix: str = "_INBOX_narrow", **options: Any) -> AsyncGenerator[Connection]:
    """Give a connection of the user that may do next to nothing."""
    async with connected(f"nats://narrow:secret@127.0.0.1:{port}", log, inbox_prefix=prefix, **options) as connection:
        yield connection


async def test_every_way_to_say_who_we_are_works(port: int, guard: Guard, tmp_path: Path, log: Log) -> None:
    """
    A password in the address, a password beside it, an nkey's seed, and a `.creds` file of a server in operator mode.
    """
    site = new_jwt_site()
    jwt_port = start_server(guard, "jwt", site.configuration)
    credentials = tmp_path / "user.creds"
    credentials.write_text(site.credentials, encoding="utf-8")
    ways = [
        (f"nats://all:secret@127.0.0.1:{port}", Identity()),
        (f"nats://127.0.0.1:{port}", Identity(user="all", password="secret")),  # noqa: S106  # a test's
        (f"nats://127.0.0.1:{port}", Identity(nkey=NKEY.write(tmp_path / "user.nk"))),
        (f"nats://127.0.0.1:{jwt_port}", Identity(credentials=credentials)),
    ]
    for url, identity in ways:
        async with connected(url, log, identity=identity) as connection:
            assert "limits" in await connection.api("INFO")


async def test_one_server_of_several_is_enough(port: int, log: Log) -> None:
    """
    Several addresses, separated by commas, are one cluster: whichever answers is taken.
    """
    async with connected(f"nats://all:secret@127.0.0.1:1,nats://all:secret@127.0.0.1:{port}", log) as connection:
        assert connection.is_usable


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make certificates."""
    return new_certificates(tmp_path_factory.mktemp("certificates"))


async def test_tls_with_a_client_certificate(guard: Guard, certificates: Certificates, log: Log) -> None:
    """
    Server and client check each other; a client that believes another authority does not connect, and says why.
    """
    tls = f'{{ cert_file: "{certificates.certificate}", key_file: "{certificates.key}", ca_file: "{certificates.ca}"'
    port = start_server(guard, "tls", f'listen: "127.0.0.1:@PORT@"\ntls: {tls}, verify: true }}')
    both = Identity(ca=certificates.ca, certificate=certificates.certificate, key=certificates.key)
    async with connected(f"nats://127.0.0.1:{port}", log, identity=both) as connection:
        assert connection.is_usable
    stranger = Connection(f"tls://127.0.0.1:{port}", name="test", log=log)
    opening = asyncio.create_task(stranger.open())

    async def complains() -> bool:
        return "certificate" in stranger.last_error.lower()

    await eventually(complains)
    opening.cancel()


@pytest.mark.parametrize("by", ["scheme", "authority"])
async def test_who_asks_for_tls_never_speaks_in_the_clear(
    port: int, certificates: Certificates, log: Log, by: str
) -> None:
    """
    A server that offers no TLS gets no credentials: an attacker in between could have removed the offer.
    """
    scheme, identity = ("tls", Identity()) if by == "scheme" else ("nats", Identity(ca=certificates.ca))
    connection = Connection(f"{scheme}://all:secret@127.0.0.1:{port}", name="test", log=log, identity=identity)
    opening = asyncio.create_task(connection.open())

    async def complains() -> bool:
        return "offers none" in connection.last_error

    await eventually(complains)
    assert not connection.is_usable
    opening.cancel()


async def test_a_denied_request_says_so_at_once(port: int, log: Log) -> None:
    """
    Not a time-out after seconds: the subject is named, the denial is counted, and the next request is not even sent.
    """
    counted: list[str] = []
    async with narrow(port, log, on_denied=counted.append) as connection:
        await connection.api("INFO")
        for _ in range(2):
            async with asyncio.timeout(5):
                with pytest.raises(PermissionDenied, match=r"needs publish on \$JS\.API\.STREAM\.INFO\.AA_CORE_HOT$"):
                    await connection.api("STREAM.INFO.AA_CORE_HOT", timeout_s=60)

    assert counted == ["publish"]


async def test_a_denied_publish_says_so(port: int, log: Log) -> None:
    """
    The publisher's port promises `Misconfigured` where the permission is missing, and nothing counts as a stall.
    """
    async with narrow(port, log) as connection:
        with pytest.raises(PermissionDenied, match=r"needs publish on athlete-ally\.hrv\.raw-received$"):
            await NatsPublisher(connection, timeout_s=60).publish(
                OutgoingMessage(CORE_HOT, raw_subject("hrv"), b"{}", "m1", {})
            )
        assert connection.is_usable


async def test_the_librarys_own_requests_are_covered(port: int, log: Log) -> None:
    """
    A message asked for through the library's JetStream context is denied as clearly.
    """
    async with narrow(port, log) as connection:
        client: Any = connection.client
        with pytest.raises(PermissionDenied, match=r"\$JS\.API\.DIRECT\.GET\.AA_DLQ"):
            await client.jetstream().get_msg("AA_DLQ", seq=1, direct=True)


async def test_a_denied_inbox_says_what_to_set(port: int, log: Log) -> None:
    """
    With an inbox that this user may not read, no answer could ever arrive: said at once, with the remedy.
    """
    async with narrow(port, log, prefix="_INBOX") as connection:
        async with asyncio.timeout(5):
            with pytest.raises(PermissionDenied, match=r"needs subscribe on _INBOX\.>.*AA_NATS_INBOX_PREFIX"):
                await connection.api("INFO", timeout_s=60)


@pytest.mark.parametrize("denied", ["pull", "ack"])
async def test_a_denied_pull_is_no_idle_stream(port: int, log: Log, denied: str) -> None:
    """
    Neither a pull nor an acknowledgement is waited for; a following fetch says that one of them was denied.
    """
    async with connected(f"nats://all:secret@127.0.0.1:{port}", log) as owner:
        await owner.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.*"]})
        config = {"durable_name": "pulls", "ack_policy": "explicit"}
        await owner.api("CONSUMER.CREATE.S.pulls", {"stream_name": "S", "config": config})
        await owner.client.request("s.1", b"{}", timeout=5)
        async with narrow(port, log) as connection:
            inbox = NatsInbox(connection, Durable("pulls" if denied == "ack" else "other", "S", ()))
            await inbox.open()
            for delivery in await inbox.fetch(1, 5 if denied == "ack" else 0.2):
                await inbox.ack(delivery)
            await connection.client.flush()
            subject = r"\$JS\.ACK" if denied == "ack" else r"\$JS\.API\.CONSUMER\.MSG\.NEXT\.S\.other"
            with pytest.raises(PermissionDenied, match=subject):
                async with asyncio.timeout(5):
                    while True:  # what the server says of it may come during a fetch
                        await inbox.fetch(1, 0.2)
        await owner.api("STREAM.DELETE.S")


async def test_a_new_connection_starts_without_denials(guard: Guard, log: Log) -> None:
    """
    What was denied before a reconnect may be allowed after it, and is asked again.
    """
    port = start_server(guard, "again", _USERS)
    async with narrow(port, log) as connection:
        with pytest.raises(PermissionDenied):
            await connection.api("STREAM.NAMES")
        await connection.client.force_reconnect()

        async def is_back() -> bool:
            return connection.is_usable

        await eventually(is_back)
        assert connection.denials.reason("$JS.API.STREAM.NAMES") == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a server reads its configuration again by a POSIX signal")
@pytest.mark.parametrize(
    ("prefix", "old", "new"),
    [
        ("_INBOX_narrow", '"$JS.API.INFO"', '"$JS.API.INFO", "$JS.API.STREAM.NAMES"'),
        ("_INBOX", '"_INBOX_narrow.>"', '"_INBOX.>"'),
    ],
    ids=["publish", "inbox"],
)
async def test_a_permission_that_is_granted_is_used(
    guard: Guard, log: Log, monkeypatch: pytest.MonkeyPatch, prefix: str, old: str, new: str
) -> None:
    """
    What was denied works soon after the server has read a configuration that allows it, with no new connection made by
    anybody: the server says nothing of a right that was added.
    """
    monkeypatch.setattr("athlete_ally.adapters.nats.denial._BELIEVED_S", 0.5)
    monkeypatch.setattr("athlete_ally.adapters.nats.connection._RECONNECT_AFTER_DENIAL_S", 0.5)
    server = start_configured(guard, "granted", _USERS)
    asked = "STREAM.NAMES" if prefix == "_INBOX_narrow" else "INFO"
    async with narrow(server.port, log, prefix=prefix) as connection:
        with pytest.raises(PermissionDenied):
            await connection.api(asked, {})
        server.reload(old, new)

        async def answered() -> bool:
            try:
                return bool(await connection.api(asked, {}, timeout_s=1))
            except (PermissionDenied, Unavailable):
                return False

        assert await eventually(answered)


def _doctor(*arguments: str, environment: dict[str, str]) -> dict[str, str]:
    """Return what `doctor` says of NATS, by the name of the check."""
    done = subprocess.run(
        [sys.executable, "-m", "athlete_ally", "doctor", "--json", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "secret" not in done.stdout + done.stderr
    return {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}


def test_a_command_takes_a_context_or_flags(port: int, tmp_path: Path) -> None:
    """
    A context of natscli by name, and flags that win over a context of the environment; no secret is ever printed.
    """
    contexts = tmp_path / "nats" / "context"
    contexts.mkdir(parents=True)
    document = {"url": f"nats://127.0.0.1:{port}", "user": "all", "password": "secret", "nsc": "", "color_scheme": ""}
    (contexts / "here.json").write_text(json.dumps(document), encoding="utf-8")
    environment = {
        "PATH": "",
        "XDG_CONFIG_HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/none",
    }
    by_context = _doctor("--context", "here", environment=environment)
    by_flags = _doctor(
        *("--server", f"nats://127.0.0.1:{port}", "--nkey", str(NKEY.write(tmp_path / "user.nk"))),
        environment={**environment, "AA_NATS_CONTEXT": "nowhere"},
    )

    assert (by_context["NATS"], by_flags["NATS"]) == ("ok", "ok")


async def test_expired_credentials_end_a_command(guard: Guard, tmp_path: Path) -> None:
    """
    Credentials that ended yesterday: `streams plan` and `doctor` end by themselves, and say that the login is refused.
    """
    site = new_jwt_site(expires_at=1_700_000_000)
    port = start_server(guard, "expired", site.configuration)
    credentials = tmp_path / "user.creds"
    credentials.write_text(site.credentials, encoding="utf-8")
    run = Commands({"NATS_URL": f"nats://127.0.0.1:{port}", "AA_NATS_CREDENTIALS": str(credentials)})
    planned, asked = await asyncio.gather(run("streams", "plan"), run("doctor", "--json"))

    # The server may close the connection before its reason is read.
    assert (planned.code, bool(re.search("Authorization|cannot connect to NATS", planned.err))) == (1, True), planned
    assert asked.code == 1
    (checked,) = (check for check in asked.document["checks"] if check["name"] == "NATS")
    assert checked["status"] != "ok"


@pytest.fixture
def _lost_cancellations(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]  # a fixture
    """Have each wait of the library meet its answer just as it is cancelled; it then goes on with the answer."""
    wait_for = asyncio.wait_for

    async def meet(work: Any, timeout: float | None) -> Any:  # noqa: ASYNC109  # asyncio's signature
        answer = asyncio.ensure_future(work)
        try:
            return await wait_for(asyncio.shield(answer), timeout)
        except asyncio.CancelledError:
            return await answer

    monkeypatch.setattr(asyncio, "wait_for", meet)


@pytest.mark.usefixtures("_lost_cancellations")
async def test_a_refused_login_ends_with_its_deadline(port: int, log: Log) -> None:
    """
    Also where Python loses the cancellation, because an answer of the server came in the same moment.
    """
    connection = Connection(f"nats://all:wrong@127.0.0.1:{port}", name="test", log=log)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await connection.open()
    await connection.close()


@pytest.mark.usefixtures("_lost_cancellations")
async def test_a_login_that_expires_ends_with_the_connection(guard: Guard, log: Log) -> None:
    """
    Refused after it worked, it logs in again and again: until the login is valid again, or until `close`, and not
    longer.
    """
    server = start_configured(guard, "expires", _USERS)
    async with connected(f"nats://all:secret@127.0.0.1:{server.port}", log) as connection:
        server.reload("user: all, password: secret", "user: all, password: other")

        async def is_refused() -> bool:
            return "authorization" in connection.last_error.lower()

        await eventually(is_refused)
        assert _reconnecting()
        server.reload("user: all, password: other", "user: all, password: secret")

        async def is_usable() -> bool:
            return connection.is_usable

        await eventually(is_usable)
        server.reload("user: all, password: secret", "user: all, password: other")
        await eventually(is_refused)

    async def has_ended() -> bool:
        return not _reconnecting()

    await eventually(has_ended)


def _reconnecting() -> list[str]:
    return [name for task in asyncio.all_tasks() if "_attempt_reconnect" in (name := repr(task.get_coro()))]


async def test_without_the_right_password_nobody_gets_in(port: int, log: Log) -> None:
    """
    The connection keeps trying, as it must after a change of credentials, and says why it is not let in.
    """
    connection = Connection(f"nats://all:wrong@127.0.0.1:{port}", name="test", log=log)
    opening = asyncio.create_task(connection.open())

    async def complaint() -> bool:
        return "Authorization" in connection.last_error

    # A server that hangs up may be what the last attempt saw; the next one hears why.
    await eventually(complaint)
    assert (opening.done(), "wrong" in connection.last_error) == (False, False)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    with pytest.raises(Unavailable):
        await connection.api("INFO")
    await connection.close()


def test_a_file_that_is_not_there_is_named() -> None:
    """
    Each file of an identity is read before anything is connected.
    """
    for identity in (
        Identity(credentials=Path("no.creds")),
        Identity(nkey=Path("no.nk")),
        Identity(ca=Path("no.pem")),
        Identity(certificate=Path("no.pem"), key=Path("no.key")),
    ):
        with pytest.raises(Misconfigured, match=r"no\.(creds|nk|pem).* can't be read"):
            identity.options()
