"""Who asks, and what they may read. Pure: the clock is passed in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol

from athlete_ally.api.refusal import Refusal
from athlete_ally.core.client_key import READ, ClientKey, digest, scopes_of
from athlete_ally.core.errors import Refused
from athlete_ally.core.ports import Now

TOKEN_PREFIX = "aat_"  # noqa: S105  # how a token begins, and none itself
TOKEN = "token"  # noqa: S105  # the purpose of what is encrypted
LONGEST_TOKEN = timedelta(hours=24)
# No id has a control character.
NOBODY = "\x01"
# Where no file of keys is set, which is possible in dev only.
ANYBODY = ClientKey(name="anybody", sha256="", created="", scopes=(f"{READ}:*",))
_MISSING = "an API key is needed: send the header 'Authorization: Bearer KEY'"


class Cipher(Protocol):
    """Encrypts small documents that readers hold, each for one purpose."""

    def encrypt(self, purpose: str, fields: dict[str, Any]) -> str:
        """Return the fields, encrypted, safe to put into a URL."""
        ...

    def decrypt(self, purpose: str, encrypted: str, *, lives_s: int | None) -> dict[str, Any]:
        """Return the fields. Raises Refused when it was not encrypted by us, for this purpose, within that time."""
        ...


class Keys:
    """The keys that are valid now. Looked up by digest, so that the comparison's time tells nothing about a key."""

    def __init__(self, keys: Sequence[ClientKey]) -> None:
        """Accept these keys."""
        self._by_digest = {key.sha256: key for key in keys}
        self._by_name = {key.name: key for key in keys}

    def with_digest(self, sha256: str) -> ClientKey | None:
        """Return the key with this digest."""
        return self._by_digest.get(sha256)

    def called(self, name: str) -> ClientKey | None:
        """Return the key of this name: what was made with it ends with it."""
        return self._by_name.get(name)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a key, and whom it concerns. Ids that a reader writes and sees are without the key's prefix."""

    key: ClientKey

    def require(self, kind: str) -> None:
        """Return if the key may read this kind.

        Raises:
            Refusal: 403; it names the scope that is missing.
        """
        if not self.key.allows(READ, kind):
            raise _forbidden(f"{READ}:{kind}", self.key)

    def kinds(self, kinds: Sequence[str]) -> list[str]:
        """Return those of the kinds that the key may read.

        Raises:
            Refusal: 403, it is none of them.
        """
        allowed = [kind for kind in kinds if self.key.allows(READ, kind)]
        if not allowed:
            raise _forbidden(f"{READ}:*", self.key)
        return allowed

    def everybody(self) -> None:
        """Return if the key is not for one person only.

        Raises:
            Refusal: 403.
        """
        if self.key.person is not None:
            detail = "this key is for one person: ask at /api/v1/people/{id}"
            raise Refusal(HTTPStatus.FORBIDDEN, detail)

    @property
    def name(self) -> str:
        """Return whose share of requests this is: the key's, or, of a token or a key for one person, the person's."""
        return self.key.name if self.key.person is None else f"{self.key.name} {self.key.person}"

    def whole_id(self, user_id: str) -> str:
        """Return the id of a person as it is stored; of a person whom the key may not see, one that nobody has.

        So what follows takes the same time, and finds nothing.
        """
        if self.key.person is not None and user_id != self.key.person:
            return NOBODY
        return self.key.prefix + user_id

    def own_id(self, stored: str) -> str:
        """Return the id of a person as the reader knows it."""
        return stored.removeprefix(self.key.prefix)


@dataclass(frozen=True, slots=True)
class Access:
    """Checks who asks. `keys` returns what is valid now, or None where anybody may read (dev)."""

    keys: Callable[[], Keys | None]
    cipher: Cipher
    now: Now

    def admit(self, authorization: str | None) -> Reader:
        """Return who a request comes from.

        Raises:
            Refusal: 401 without a valid key or token.
        """
        keys = self.keys()
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if keys is None:
            keys = Keys([ANYBODY])
            if not secret.startswith(TOKEN_PREFIX):
                return Reader(ANYBODY)
        if scheme.lower() != "bearer" or not secret:
            raise Refusal(HTTPStatus.UNAUTHORIZED, _MISSING)
        key = self._of_token(keys, secret) if secret.startswith(TOKEN_PREFIX) else keys.with_digest(digest(secret))
        if key is None or key.has_ended(self.now()):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the API key or token is not known, was revoked, or has ended")
        return Reader(key)

    def token(self, reader: Reader, user_id: str, lasts: timedelta) -> tuple[str, datetime]:
        """Return a token that may read what the reader may, of one person, and when it ends."""
        ends_at = self.now() + lasts
        if reader.key.expires is not None:
            ends_at = min(ends_at, reader.key.expires)
        fields = {"key": reader.key.name, "person": user_id, "ends_at": ends_at.isoformat()}
        return TOKEN_PREFIX + self.cipher.encrypt(TOKEN, fields), ends_at

    def _of_token(self, keys: Keys, secret: str) -> ClientKey | None:
        """Return the key that a token stands for, bound to its person and time; None if it is none of ours."""
        try:
            fields = self.cipher.decrypt(TOKEN, secret.removeprefix(TOKEN_PREFIX), lives_s=None)
        except Refused:
            return None
        made_with = keys.called(fields["key"])
        if made_with is None or made_with.has_ended(self.now()):
            return None
        return ClientKey(
            name=made_with.name,
            sha256="",
            created=made_with.created,
            scopes=tuple(scope for scope in scopes_of(made_with) if scope.startswith(f"{READ}:")),
            person=fields["person"],
            prefix=made_with.prefix,
            expires=datetime.fromisoformat(fields["ends_at"]),
            requests_per_minute=made_with.requests_per_minute,
        )


def _forbidden(scope: str, key: ClientKey) -> Refusal:
    has = ", ".join(scopes_of(key))
    return Refusal(HTTPStatus.FORBIDDEN, f"this key lacks the scope {scope}; it has {has}")
