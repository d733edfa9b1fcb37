"""What a doctor's round finds about webhooks: routes without a secret, and webhooks that nobody unpacks. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from athlete_ally.core.broker.topology import unpack_durable
from athlete_ally.core.vendor.plugin import Secrets
from athlete_ally.ops.doctor.finding import Check


def check_secrets(secrets: Mapping[str, Secrets], named: Sequence[str], variable_of: Mapping[str, str]) -> list[Check]:
    """Check routes by their secrets; `named` are senders that only the settings name."""
    checks = [
        Check(
            "webhooks",
            "warning",
            f"the route of {name} shakes hands and then refuses every webhook: there is no secret",
            f"set {variable_of[name]}",
        )
        for name, each in secrets.items()
        if not each.signing
    ]
    checks += [
        Check("webhooks", "warning", f"{name} is in AA_WEBHOOK_SENDERS and has no secret", f"set {variable_of[name]}")
        for name in named
        if name not in secrets
    ]
    opened = ", ".join(sorted(name for name, each in secrets.items() if each.signing))
    return checks or [Check("webhooks", "ok", f"taken from {opened}" if opened else "no route is open")]


def check_unpackers(opened: Iterable[str], missing: AbstractSet[str]) -> list[Check]:
    """Check that a durable unpacks what open routes accept; `missing` are durables that do not exist."""
    return [
        Check(
            "webhooks",
            "failure",
            f"the route of {name} is open, and nobody unpacks: {unpack_durable(name)} is missing",
            "`athlete-ally streams apply`",
        )
        for name in opened
        if unpack_durable(name) in missing
    ]
