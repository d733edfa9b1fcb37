"""What AA_VENDOR_HOT holds, what follows from it, and what the tables hold: for tests of the whole way."""

from collections import Counter
from dataclasses import dataclass, field

from athlete_ally.adapters.nats.stream_reader import NatsStreamReader
from athlete_ally.core.broker.topology import VENDOR_HOT
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import StoredMessage
from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.webhook import Found, Resource, Unpacked, Webhook
from athlete_ally.measurements import MEASUREMENTS
from support.services import Site
from support.webhooks import BY_NAME

VendorAndKind = tuple[str, str]


@dataclass
class VendorAccounts:
    """What the stream holds, by subject, and what pure functions make of it; beside it what the tables hold.

    `named` are the resources that webhooks name, by vendor. `wanted` and `rows` count by vendor and kind.
    """

    held: Counter[str] = field(default_factory=Counter[str])
    named: set[tuple[str, Resource]] = field(default_factory=set[tuple[str, Resource]])
    rows: Counter[VendorAndKind] = field(default_factory=Counter[VendorAndKind])
    _points: dict[tuple[str, ...], int] = field(default_factory=dict[tuple[str, ...], int])

    @property
    def wanted(self) -> Counter[VendorAndKind]:
        """Return how many rows follow from what the stream holds."""
        wanted: Counter[VendorAndKind] = Counter()
        for (vendor, kind, *_), points in self._points.items():
            wanted[vendor, kind] += points
        return wanted

    def add(self, message: StoredMessage, owners: dict[int, str]) -> None:
        """Note a message of the stream, and what follows from it; `owners` are accounts by grant."""
        self.held[message.subject] += 1
        vendor = message.subject.split(".")[1]
        unpacked = _unpacked(vendor, message, owners)
        self.named |= {(vendor, resource) for resource in unpacked.resources}
        for found in unpacked.found:
            points = len(found.fields["values"]) if found.kind == "samples" else 1
            self._points[vendor, found.kind, *_about(found)] = points


def _unpacked(vendor: str, message: StoredMessage, owners: dict[int, str]) -> Unpacked:
    grant, api = message.headers.get(headers.GRANT), BY_NAME[vendor].api
    if grant is None or api is None:
        return BY_NAME[vendor].unpack(Webhook(message.body, message.headers, message.stored_at))
    kind = message.headers[headers.RESOURCE_TYPE]
    return api.read(Document(kind, owners[int(grant)], message.body, message.stored_at))


def _about(found: Found) -> tuple[str, ...]:
    """Return what a reading is about: of two about the same thing one becomes a row."""
    when = found.fields.get("start") or found.fields["date"]
    return (found.account, when, *(found.fields.get(name, "") for name in ("source", "context", "code")))


async def vendor_accounts(site: Site) -> VendorAccounts:
    """Read stream and tables; people are called `simulated-{vendor}-{account}`."""
    accounts = VendorAccounts()
    grants = await site.pool.fetch("SELECT id, account FROM vendor_grant")
    owners: dict[int, str] = {row["id"]: row["account"] for row in grants}
    stream_reader = NatsStreamReader(site.connection)
    stream = await stream_reader.stream(VENDOR_HOT)
    assert stream is not None
    async for _, message in stream_reader.messages(stream):
        accounts.add(message, owners)
    for measurement in MEASUREMENTS:
        table = "samples" if measurement.kind == "samples" else measurement.table
        query = f"SELECT split_part(user_id, '-', 2) AS vendor, count(*) FROM {table} GROUP BY 1"  # noqa: S608  # ours
        for row in await site.pool.fetch(query):
            accounts.rows[row["vendor"], measurement.kind] = row["count"]
    return accounts
