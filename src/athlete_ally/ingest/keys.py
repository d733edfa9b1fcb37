"""API keys of clients: who may send, and which kinds."""

from collections.abc import Sequence
from http import HTTPStatus

from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.ingest.refusal import Refusal


class KeyRing:
    """The keys that are valid now. Looked up by digest, so that the comparison's time tells nothing about a key."""

    def __init__(self, keys: Sequence[ClientKey]) -> None:
        """Accept these keys."""
        self._by_digest = {key.sha256: key for key in keys}

    def verify(self, authorization: str | None) -> ClientKey:
        """Return the key that a request carries.

        Raises:
            Refusal: 401 without a valid key.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "an API key is needed: send the header 'Authorization: Bearer KEY'")
        key = self._by_digest.get(digest(token.strip()))
        if key is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the API key is not known, or was revoked")
        return key


def require_kind(key: ClientKey, kind: str) -> None:
    """Check that a key is for this kind.

    Raises:
        Refusal: 403 where it is not.
    """
    if key.kinds and kind not in key.kinds:
        raise Refusal(HTTPStatus.FORBIDDEN, f"this API key may send {', '.join(key.kinds)}, not {kind}")
