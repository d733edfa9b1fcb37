"""Alerts about vendors: what they send that can't be proven or got lost, and those that can't be asked."""

from generator.alert import Alert
from generator.clock import Clock

UNVERIFIED_WINDOW_S = 1800
# Strangers try a few; a secret that is not the vendor's any more fails every delivery.
UNVERIFIED = 10
UNVERIFIED_S = 600
# Vendors' limits are counted by the minute or the hour: what lasts longer is no limit that was met.
PAUSED_S = 7200
# As for the ledger of readings: it errs towards 0 while there is traffic, and this only spares a restart.
LEDGER_S = 600


def vendor_alerts() -> list[Alert]:
    """Return the alerts; the recorded series that they ask for have the pace of the clock already."""
    failed = f"aa:webhooks_unverified:increase{Clock().span(UNVERIFIED_WINDOW_S)}"
    proven = f"aa:webhooks_verified:increase{Clock().span(UNVERIFIED_WINDOW_S)}"
    return [
        Alert(
            name="AaWebhooksUnverified",
            severity="page",
            service="ingest",
            expr=f"{failed} > {UNVERIFIED} and {failed} > {proven}",
            wait_s=UNVERIFIED_S,
            summary="Signatures of {{ $labels.vendor }} do not fit",
            description="{{ $value | humanize }} webhooks of {{ $labels.vendor }} were refused in half an hour.",
            impact="Nothing of these webhooks is kept; the vendor gives up after some tries, or ends the subscription.",
            first_command="athlete-ally doctor",
            panel="Webhooks: proven and not",
        ),
        Alert(
            name="AaVendorNotAsked",
            severity="ticket",
            service="fetch",
            expr="aa:vendor_paused:bool == 1",
            wait_s=PAUSED_S,
            summary="{{ $labels.vendor }} is not asked",
            description="Fetch has put {{ $labels.vendor }} off for hours: it is down, or refuses our application.",
            impact="What its webhooks name is not fetched and waits in AA_VENDOR_HOT, until max_age.",
            first_command="athlete-ally streams status",
            panel="Vendors that are not asked",
        ),
        Alert(
            name="AaWebhooksUnaccounted",
            severity="page",
            service="normalize",
            expr="aa:ledger_unaccounted:webhooks > 0",
            wait_s=LEDGER_S,
            summary="The books of {{ $labels.durable }} do not balance",
            description="{{ $value | humanize }} webhooks of {{ $labels.durable }} are neither pending nor on record.",
            impact="Webhooks that we acknowledged may have been settled without being unpacked, or fetched.",
            first_command="athlete-ally doctor",
            panel="Unaccounted webhooks",
        ),
    ]
