"""Authentication and authorisation of the console's users. No IO: clock and random source are passed in."""

import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from athlete_ally.core.client_key import digest

Role = Literal["viewer", "operator"]

# A working day; after that a person logs in again.
SESSION_S = 12 * 3600.0
_MOST_SESSIONS = 1000
# A token of 256 random bits can't be guessed; this limit protects the log and the processor.
_MOST_FAILURES, _FAILURES_WITHIN_S = 5, 60.0
_MOST_ADDRESSES = 1000


@dataclass(frozen=True, slots=True)
class Person:
    """A person at the console, by the name that the journal records."""

    name: str
    role: Role

    @property
    def may_change(self) -> bool:
        """Tell whether this person may change things or see personal data."""
        return self.role == "operator"


class Authentication(Protocol):
    """How people authenticate."""

    @property
    def has_log_in(self) -> bool:
        """Tell whether people log in here, with a token."""
        ...

    def admit(self, headers: Mapping[str, str], address: str) -> Person | None:
        """Return who a request comes from, if that is known without a log-in."""
        ...

    def check(self, token: str) -> Person | None:
        """Return the person to whom this token belongs, or None."""
        ...

    def is_welcome(self, person: Person) -> bool:
        """Tell whether a person who logged in still has that role; a token may have been revoked."""
        ...


@dataclass(frozen=True, slots=True)
class LocalAuthentication:
    """Loopback only: anyone on this machine could use its command line as well."""

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
"""Returns the names of token holders by digest, from the current content of the file."""


@dataclass(frozen=True, slots=True)
class TokenAuthentication:
    """Each person has a token. It is looked up by digest, so that timing reveals nothing."""

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
    """A proxy authenticates people and names them in a header, which is trusted only from the proxy's addresses."""

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
    """The session of a person. Every form contains `form_token`, which another site can't know."""

    key: str
    person: Person
    form_token: str
    ends_s: float

    def sent(self, form_token: str) -> bool:
        """Tell whether a form carries this session's token."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


@dataclass(slots=True)
class Sessions:
    """The open sessions; in memory, so everyone has to log in again after a restart."""

    clock: Callable[[], float]
    chance: Callable[[], str]
    _by_key: dict[str, Session] = field(default_factory=dict[str, Session])

    def begin(self, person: Person) -> Session:
        """Open a session for a person."""
        self._forget()
        session = Session(self.chance(), person, self.chance(), self.clock() + SESSION_S)
        self._by_key[session.key] = session
        return session

    def find(self, key: str) -> Session | None:
        """Return an open session, or None."""
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
    """Failed log-ins by address; after five in a minute, that address has to wait."""

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
