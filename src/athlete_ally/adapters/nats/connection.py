"""One connection to NATS that is lost and found again without anybody's help."""

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import nats.errors

from athlete_ally.adapters.nats.client import AttentiveClient
from athlete_ally.adapters.nats.credentials import ANONYMOUS, Identity
from athlete_ally.adapters.nats.denial import Action, Denials, read_denial
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.ports import Log

API_TIMEOUT_S = 5.0
"""How long an answer of the server may take where nobody says otherwise."""
# A stalled server must be noticed in seconds, not in the library's default of four minutes.
_PING_INTERVAL_S = 5
_CONNECT_TIMEOUT_S = 2
# Seconds; the library takes a fraction although it says int.
_RECONNECT_WAIT_S: Any = 0.25
# How long nothing can be asked once the inbox was denied; a permission that is granted meanwhile needs a connection.
_RECONNECT_AFTER_DENIAL_S = 10.0


# RuntimeError: uvloop's answer to a write on a connection that is closed, and not yet known to be.
UNREACHABLE = (nats.errors.Error, TimeoutError, OSError, RuntimeError)
"""What the library raises when the server can't be reached, or does not answer."""


class ApiError(Exception):
    """An answer of the JetStream API that says no; `code` is the server's error code (nats ADR-7)."""

    def __init__(self, code: int, description: str) -> None:
        """Keep the code, on which callers decide, and the text, which people read."""
        super().__init__(f"{description} (JetStream error {code})")
        self.code = code
        self.description = description


class Connection:
    """A NATS connection: `client` for publishing and subscribing, and what the services have to know of its state.

    `last_error` is what the library complained of since it was last connected; each complaint is logged once.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        log: Log,
        identity: Identity = ANONYMOUS,
        inbox_prefix: str = "_INBOX",
        on_denied: Callable[[Action], None] = lambda _: None,
    ) -> None:
        """Prepare; nothing is connected before `open`. Several addresses are separated by commas.

        Replies arrive below `inbox_prefix`; `on_denied` hears of each publish or subscription that the server denies.
        """
        self.denials = Denials(inbox_prefix)
        self.client = AttentiveClient(self.denials, requires_tls=identity.has_tls or _asks_for_tls(url))
        self.last_error = ""
        self._url = url
        self._name = name
        self._log = log
        self._identity = identity
        self._inbox_prefix = inbox_prefix
        self._on_denied = on_denied
        self._connected = asyncio.Event()
        self._stalled = False
        self._closing = False
        self._probe: asyncio.Task[None] | None = None
        self._reconnecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, trying again for as long as it takes.

        Raises:
            Misconfigured: the address or a file of the credentials can't be understood.
        """
        try:
            await self.client.connect(
                self._url.split(","),
                name=self._name,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_connected,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_RECONNECT_WAIT_S,
                connect_timeout=_CONNECT_TIMEOUT_S,
                ping_interval=_PING_INTERVAL_S,
                max_outstanding_pings=2,
                # No hidden buffer: what can't be sent now is refused now, so that memory stays bounded.
                pending_size=0,
                inbox_prefix=self._inbox_prefix,
                **self._identity.options(),
            )
        except (nats.errors.Error, OSError, ValueError) as error:
            raise Misconfigured(f"can't connect to NATS: {error}; check NATS_URL and the credentials") from error
        await self._on_connected()

    async def close(self) -> None:
        """Send what is in the socket's buffer and disconnect."""
        self._closing = True
        for task in (self._probe, self._reconnecting):
            if task is not None:
                task.cancel()
        if not self.client.is_closed:
            await self.client.close()

    @property
    def address(self) -> str:
        """Return the address without any secret in it."""
        return ",".join(each.rpartition("@")[2].rpartition("//")[2] for each in self._url.split(","))

    @property
    def is_usable(self) -> bool:
        """Tell whether a publish has a chance: connected, and the server answers."""
        return self.client.is_connected and not self._stalled

    @property
    def server_version(self) -> str:
        """Return the version of the server that we are connected to."""
        version = self.client.connected_server_version
        return f"{version.major}.{version.minor}.{version.patch}"

    @property
    def server_id(self) -> str:
        """Return the id of the server that we are connected to; empty before the first connection."""
        return self.client.server_id

    async def until_usable(self) -> None:
        """Return once connected.

        Raises:
            Unavailable: connected, but the server has stopped answering. Waiting would only pile up requests.
        """
        if self._stalled:
            raise Unavailable("NATS is connected but does not answer")
        if not self.client.is_connected:
            self._connected.clear()
            await self._connected.wait()

    def report_stall(self) -> None:
        """Take note that an answer did not come in time: refuse everything until the server answers a ping."""
        if not self._stalled and self.client.is_connected:
            self._stalled = True
            self._log.warning("broker-stalled")
            self._probe = asyncio.create_task(self._probe_until_answer())

    async def api(
        self,
        subject: str,
        payload: Mapping[str, Any] | None = None,
        timeout_s: float = API_TIMEOUT_S,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a request to the JetStream API and return its answer.

        Raises:
            ApiError: the server says no.
            PermissionDenied: this user may not ask that.
            Unavailable: no answer.
        """
        decoded = await self.ask(f"$JS.API.{subject}", payload, timeout_s, headers)
        if "error" in decoded:
            raise ApiError(decoded["error"].get("err_code", 0), decoded["error"].get("description", "unknown error"))
        return decoded

    async def ask(
        self,
        subject: str,
        payload: Mapping[str, Any] | None = None,
        timeout_s: float = API_TIMEOUT_S,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a request that is answered in JSON, and return the answer.

        Raises:
            Unavailable: no answer.
        """
        body = json.dumps(payload).encode() if payload is not None else b""
        with unavailable(f"NATS does not answer {subject.removeprefix('$JS.API.')}"):
            answer = await self.client.request(subject, body, timeout=timeout_s, headers=headers)
        return json.loads(answer.data)

    async def _probe_until_answer(self) -> None:
        while self._stalled:
            if not self.client.is_connected:
                # Abandoned meanwhile: all who wait now wait for the next connection.
                self._stalled = False
                return
            try:
                await self.client.flush(timeout=1)
                if not self.client.is_connected:
                    continue
                self._stalled = False
                self._log.info("broker-answers-again")
            except UNREACHABLE:
                await asyncio.sleep(_RECONNECT_WAIT_S)

    async def _on_error(self, error: Exception) -> None:
        if self._closing:
            return
        # Permission violations arrive here and nowhere else.
        denial = read_denial(str(error))
        if denial is not None:
            self.denials.note(denial)
            self._on_denied(denial.action)
            if self.denials.concerns_inbox(denial) and (self._reconnecting is None or self._reconnecting.done()):
                self._reconnecting = asyncio.create_task(self._reconnect_later())
        if describe(error) != self.last_error:
            self.last_error = describe(error)
            self._log.warning("broker-error", error=self.last_error)

    async def _reconnect_later(self) -> None:
        await asyncio.sleep(_RECONNECT_AFTER_DENIAL_S)
        await self.client.force_reconnect()

    async def _on_disconnected(self) -> None:
        self._connected.clear()
        self.denials.forget()
        if not self._closing:
            self._log.warning("broker-disconnected")

    async def _on_connected(self) -> None:
        self.last_error = ""
        self._connected.set()
        self._log.info("broker-connected", server=self.server_version)


def _asks_for_tls(url: str) -> bool:
    return any(each.startswith(("tls://", "wss://")) for each in url.split(","))


@contextmanager
def unavailable(what: str) -> Generator[None]:
    """Raise `Unavailable` for whatever the library raises inside; `what` could not be done.

    Raises:
        Unavailable: the server can't be reached, or does not answer.
    """
    try:
        yield
    except UNREACHABLE as error:
        raise Unavailable(f"{what}: {describe(error)}") from error


def describe(error: Exception) -> str:
    """Return an error's type and text; several of the library's errors have no text."""
    if isinstance(error, nats.errors.OutboundBufferLimitError):
        # With the library's buffer off, this is what it says to each message without a connection.
        return "not connected"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
