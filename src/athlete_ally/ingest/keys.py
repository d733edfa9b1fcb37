"""API keys of clients: who may send, and which kinds."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus

import msgspec

from athlete_ally.core.client_key import INGEST, ClientKey, digest, scopes_of
from athlete_ally.core.readings.reading import LONGEST_LABEL, Problem, Reading
from athlete_ally.ingest.refusal import Refusal


class KeyRing:
    """The keys that are valid now. Looked up by digest, so that the comparison's time tells nothing about a key."""

    def __init__(self, keys: Sequence[ClientKey]) -> None:
        """Accept these keys."""
        self._by_digest = {key.sha256: key for key in keys}

    def verify(self, authorization: str | None, now: datetime) -> ClientKey:
        """Return the key that a request carries.

        Raises:
            Refusal: 401 without a valid key.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "an API key is needed: send the header 'Authorization: Bearer KEY'")
        key = self._by_digest.get(digest(token.strip()))
        if key is None or key.has_ended(now):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the API key is not known, was revoked, or has ended")
        return key


def require_kind(key: ClientKey, kind: str) -> None:
    """Check that a key is for this kind.

    Raises:
        Refusal: 403 where it is not.
    """
    if not key.allows(INGEST, kind):
        detail = f"this API key lacks the scope {INGEST}:{kind}; it has {', '.join(scopes_of(key))}"
        raise Refusal(HTTPStatus.FORBIDDEN, detail)


def owned(key: ClientKey, readings: Sequence[Reading]) -> list[Reading]:
    """Return readings of the people whom the key concerns, by their whole ids.

    Raises:
        Refusal: 403, one is of another person than the key's; 422, an id is too long with the key's prefix.
    """
    if key.person is not None and any(reading.user_id != key.person for reading in readings):
        raise Refusal(HTTPStatus.FORBIDDEN, "this API key may send readings of one person only, and one is of another")
    if not key.prefix:
        return list(readings)
    longest = LONGEST_LABEL - len(key.prefix)
    problems = [
        Problem(index, "userId", f"at most {longest} characters are possible with this key's prefix")
        for index, reading in enumerate(readings)
        if len(reading.user_id) > longest
    ]
    if problems:
        detail = f"{len(problems)} of {len(readings)} readings are invalid; nothing was accepted"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=problems)
    return [msgspec.structs.replace(reading, user_id=key.prefix + reading.user_id) for reading in readings]
