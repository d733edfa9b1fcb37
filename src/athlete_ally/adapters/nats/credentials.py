"""As whom we connect to NATS: files and secrets, never printed."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from athlete_ally.adapters.nats.nkey import check_seed
from athlete_ally.core.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Identity:
    """Credentials and certificates; empty where the address says it all.

    `credentials` is a `.creds` file, `nkey` the file of a seed. `ca` is whom we believe, `certificate` and `key` are
    who we are; any of the three asks for TLS.
    """

    credentials: Path | None = None
    nkey: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    tls_first: bool = False

    @property
    def has_tls(self) -> bool:
        """Tell whether TLS is asked for."""
        return self.tls_first or any((self.ca, self.certificate, self.key))

    def options(self) -> dict[str, Any]:
        """Return the client library's options.

        Raises:
            Misconfigured: a file is missing or not what it should be; the text names it, and nothing that is in it.
        """
        options: dict[str, Any] = {"user": self.user, "password": self.password, "token": self.token}
        if self.credentials is not None:
            _read(self.credentials, "credentials")
            options["user_credentials"] = str(self.credentials)
        if self.nkey is not None:
            check_seed(self.nkey, _read(self.nkey, "nkey seed"))
            options["nkeys_seed"] = str(self.nkey)
        if self.has_tls:
            options |= {"tls": self._tls(), "tls_handshake_first": self.tls_first}
        return {name: value for name, value in options.items() if value is not None}

    def _tls(self) -> ssl.SSLContext:
        if (self.certificate is None) != (self.key is None):
            raise Misconfigured("a client certificate needs its key, and a key its certificate: give both")
        for path, what in ((self.ca, "CA"), (self.certificate, "certificate"), (self.key, "key")):
            if path is not None:
                _read(path, what)
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (ssl.SSLError, ValueError) as error:
            files = ", ".join(str(path) for path in (self.ca, self.certificate, self.key) if path)
            raise Misconfigured(f"TLS files can't be used ({files}): {error}") from error
        return context


ANONYMOUS = Identity()


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{what} file {path} can't be read: {error.strerror}") from error
