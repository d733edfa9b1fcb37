"""Objects that several commands build from the settings."""

from collections.abc import Callable
from datetime import UTC, datetime

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher, read_journal_cipher
from athlete_ally.adapters.encryption.tokens import read_token_keys
from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.context import NatsContext, read_context
from athlete_ally.adapters.nats.credentials import Identity
from athlete_ally.adapters.nats.denial import Action
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import Topology, build_topology
from athlete_ally.core.ports import Log
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, PLUGINS, VENDORS, generic


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def service_log(settings: Settings, service: str) -> Log:
    """Return the log of a service, as detailed as the settings say and in their form."""
    return build_log(service, level=settings.log_level, form=settings.log_format)


def desired_topology(settings: Settings) -> Topology:
    """Return the desired state of streams and durables.

    Raises:
        Misconfigured: the environment's file is invalid.
    """
    return build_topology(KINDS, (*VENDORS, *settings.senders), environment_of(settings), fetched=FETCHED)


def known_vendors(settings: Settings) -> tuple[Vendor, ...]:
    """Return every vendor: the registered ones, and the senders of Standard Webhooks that the settings name."""
    return (*PLUGINS, *map(generic, settings.senders))


def nats_connection(
    settings: Settings, service: str, log: Log, *, on_denied: Callable[[Action], None] = lambda _: None
) -> Connection:
    """Return a connection to the configured NATS server, not yet open. A named context replaces the NATS settings.

    Raises:
        Misconfigured: the context can't be used.
    """
    context = _context(settings)
    prefix = settings.nats_inbox_prefix or context.inbox_prefix or f"_INBOX_{service}"
    return Connection(
        context.url,
        name=f"athlete-ally-{service}",
        log=log,
        identity=context.identity,
        inbox_prefix=prefix,
        on_denied=on_denied,
    )


def _context(settings: Settings) -> NatsContext:
    if settings.nats_context:
        return read_context(settings.nats_context)
    identity = Identity(
        credentials=settings.nats_credentials,
        nkey=settings.nats_nkey,
        ca=settings.nats_ca,
        certificate=settings.nats_certificate,
        key=settings.nats_key,
    )
    return NatsContext(settings.nats_url.get_secret_value(), identity, "")


def token_keys(settings: Settings) -> str:
    """Return the keys of the token store.

    Raises:
        Misconfigured: there is none, or the file can't be read.
    """
    key = settings.token_key.get_secret_value() if settings.token_key else None
    return read_token_keys(key, settings.token_key_file)


def journal_cipher(settings: Settings) -> JournalCipher | None:
    """Return what encrypts the message journal; None where it is not encrypted.

    Raises:
        Misconfigured: the key is not one, or its file can't be read.
    """
    key = settings.message_journal_key.get_secret_value() if settings.message_journal_key else None
    return read_journal_cipher(key, settings.message_journal_key_file)
