"""Who looks at the console, and what they may do. No IO: clock and chance are passed in."""

import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from athlete_ally.core.client_key import digest

Role = Literal["viewer", "operator"]

# A working day: whoever stays longer logs in again.
SESSION_S = 12 * 3600.0
_MOST_SESSIONS = 1000
# A token is 256 random bits, which nobody guesses; this keeps the log and the processor quiet.
_MOST_FAILURES, _FAILURES_WITHIN_S = 5, 60.0
_MOST_ADDRESSES = 1000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the console, by the name that the journal notes."""

    name: str
    role: Role

    @property
    def may_change(self) -> bool:
        """Tell whether this person may do what changes things, or shows somebody's data."""
        return self.role == "operator"


class Authentication(Protocol):
    """How people get in."""

    @property
    def has_log_in(self) -> bool:
        """Tell whether people log in here, with a token."""
        ...

    def admit(self, headers: Mapping[str, str], address: str) -> Person | None:
        """Return who a request comes from, where that is known without a log-in."""
        ...

    def check(self, token: str) -> Person | None:
        """Return whose token this is."""
        ...

    def is_welcome(self, person: Person) -> bool:
        """Tell whether somebody who logged in still has that role: a token may have been revoked."""
        ...


@dataclass(frozen=True, slots=True)
class LocalAuthentication:
    """Loopback only: whoever is on this machine may use its command line, too."""

    name: str
    has_log_in: bool = False

    def admit(self, headers: Mapping[str, str], address: str) -> Person | None:
        """See the port."""
        del headers, address
        return Person(self.name, "operator")

    def check(self, token: str) -> Person | None:
        """See the port."""
        del token
        return None

    def is_welcome(self, person: Person) -> bool:
        """See the port."""
        return person.name == self.name


Names = Callable[[], Mapping[str, str]]
"""Returns the names of those who have a token, by its digest, as the file says now."""


@dataclass(frozen=True, slots=True)
class TokenAuthentication:
    """Everybody has a token; looked up by digest, so that the time it takes tells nothing."""

    operators: Names
    viewers: Names
    has_log_in: bool = True

    def admit(self, headers: Mapping[str, str], address: str) -> Person | None:
        """See the port."""
        del headers, address
        return None

    def check(self, token: str) -> Person | None:
        """See the port."""
        known = digest(token)
        if name := self.operators().get(known):
            return Person(name, "operator")
        name = self.viewers().get(known)
        return Person(name, "viewer") if name else None

    def is_welcome(self, person: Person) -> bool:
        """See the port."""
        names = self.operators() if person.may_change else self.viewers()
        return person.name in names.values()


@dataclass(frozen=True, slots=True)
class ProxyAuthentication:
    """A proxy has authenticated people, and says who in a header; it is believed only from its own addresses."""

    header: str
    addresses: Collection[str]
    operators: Collection[str]
    has_log_in: bool = False

    def admit(self, headers: Mapping[str, str], address: str) -> Person | None:
        """See the port."""
        name = headers.get(self.header, "").strip()
        if address not in self.addresses or not name or not name.isprintable():
            return None
        return Person(name[:100], "operator" if name in self.operators else "viewer")

    def check(self, token: str) -> Person | None:
        """See the port."""
        del token
        return None

    def is_welcome(self, person: Person) -> bool:
        """See the port."""
        return person.may_change == (person.name in self.operators)


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is in. `form_token` stands in every form: another site can't know it."""

    key: str
    person: Person
    form_token: str
    ends_s: float

    def sent(self, form_token: str) -> bool:
        """Tell whether a form carries this session's token."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


@dataclass(slots=True)
class Sessions:
    """Who is in; in memory, so that a restart asks everybody to log in again."""

    clock: Callable[[], float]
    chance: Callable[[], str]
    _by_key: dict[str, Session] = field(default_factory=dict[str, Session])

    def begin(self, person: Person) -> Session:
        """Let somebody in."""
        self._forget()
        session = Session(self.chance(), person, self.chance(), self.clock() + SESSION_S)
        self._by_key[session.key] = session
        return session

    def find(self, key: str) -> Session | None:
        """Return a session that has not ended."""
        session = self._by_key.get(key)
        return session if session is not None and session.ends_s > self.clock() else None

    def end(self, key: str) -> None:
        """End a session."""
        self._by_key.pop(key, None)

    def _forget(self) -> None:
        now_s = self.clock()
        self._by_key = {key: each for key, each in self._by_key.items() if each.ends_s > now_s}
        while len(self._by_key) >= _MOST_SESSIONS:
            self._by_key.pop(next(iter(self._by_key)))


@dataclass(slots=True)
class Attempts:
    """Failed log-ins by address: after five in a minute, that address waits."""

    clock: Callable[[], float]
    _failures: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def wait_s(self, address: str) -> float:
        """Return for how many seconds this address has to wait; 0 means that it may try."""
        recent = self._recent(address)
        return 0.0 if len(recent) < _MOST_FAILURES else max(0.0, recent[0] + _FAILURES_WITHIN_S - self.clock())

    def failed(self, address: str) -> None:
        """Note a failure."""
        recent = [*self._recent(address), self.clock()][-_MOST_FAILURES:]
        self._failures.pop(address, None)
        while len(self._failures) >= _MOST_ADDRESSES:
            self._failures.pop(next(iter(self._failures)))
        self._failures[address] = recent

    def _recent(self, address: str) -> list[float]:
        since_s = self.clock() - _FAILURES_WITHIN_S
        return [at_s for at_s in self._failures.get(address, []) if at_s > since_s]
