"""The dry run of fetching: whether there is a permission. The vendor's answer is unknown, as it is not asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from athlete_ally.core.dry_run import DryRunResult
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.receipts import Rejected
from athlete_ally.core.vendor.grant import GrantState
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Resource, Unpacked, Webhook
from athlete_ally.fetch.resource import NOT_CONNECTED, no_longer

_NOT_TOLD = "whether the person is connected can't be told without the database, nor what the vendor answers without it"


class Permissions(Protocol):
    """Looks at grants, without opening their tokens."""

    async def permissions(self, vendor: str, accounts: Sequence[str]) -> Mapping[str, GrantState]:
        """Return the state of the grants of these accounts, for those that connected.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchDryRun:
    """The dry run of the durable that fetches from a vendor. The vendor is not asked."""

    vendor: Vendor
    webhook_store: Permissions | None

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[DryRunResult]:
        """Return the predicted outcome of each. See `DryRun`."""
        opened = [self._open(each) for each in deliveries]
        accounts = {it.account for each in opened if isinstance(each, Unpacked) for it in self._asked_for(each)}
        states: Mapping[str, GrantState] = {}
        if self.webhook_store is not None and accounts:
            states = await self.webhook_store.permissions(self.vendor.name, sorted(accounts))
        return [each if isinstance(each, DryRunResult) else self._result(each, states) for each in opened]

    def _open(self, delivery: Delivery) -> Unpacked | DryRunResult:
        try:
            return self.vendor.unpack(Webhook(delivery.body, delivery.headers, delivery.stored_at))
        except InvalidMessage:
            return Unpacked(ignored=1)
        except Exception as error:  # noqa: BLE001  # a bug of today's code is an answer: it would fail again
            return DryRunResult(rejected=(Rejected(0, "max-deliver", type(error).__name__),))

    def _asked_for(self, unpacked: Unpacked) -> list[Resource]:
        """Return what the vendor would be asked for."""
        api = self.vendor.api
        return [each for each in unpacked.resources if api is not None and api.call(each) is not None]

    def _result(self, unpacked: Unpacked, states: Mapping[str, GrantState]) -> DryRunResult:
        resources = self._asked_for(unpacked)
        ignored = unpacked.ignored + len(unpacked.resources) - len(resources)
        if not resources:
            return DryRunResult(ignored=ignored)
        if self.webhook_store is None:
            return DryRunResult(ignored=ignored, unknown=_NOT_TOLD)
        errors = [self._error(states.get(each.account)) for each in resources]
        rejected = tuple(Rejected(index, "non-retryable", error) for index, error in enumerate(errors) if error)
        unknown = f"there is a permission; what {self.vendor.name} answers can't be known without asking it"
        return DryRunResult(ignored=ignored, rejected=rejected, unknown="" if rejected else unknown)

    def _error(self, state: GrantState | None) -> str:
        if state is None:
            return NOT_CONNECTED.error
        return "" if state == "active" else no_longer(state).error
