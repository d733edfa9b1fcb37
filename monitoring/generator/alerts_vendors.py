"""Alerts on vendors: unverified or unaccounted webhooks, and vendors that fetch can't reach."""

from generator.alert import Alert
from generator.clock import Clock

UNVERIFIED_WINDOW_S = 1800
# Attackers try a few; with a secret that the vendor no longer uses, every delivery fails.
UNVERIFIED = 10
UNVERIFIED_S = 600
# Vendors apply their limits per minute or per hour: a longer pause has another cause.
PAUSED_S = 7200
# As for the ledger of readings: it errs only towards 0 during traffic, and the wait only tolerates a restart.
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
            summary="Signatures of {{ $labels.vendor }} are wrong",
            description="{{ $value | humanize }} webhooks of {{ $labels.vendor }} were refused in half an hour.",
            impact="These webhooks are not stored; the vendor stops retrying, or ends the subscription.",
            first_command="athlete-ally doctor",
            panel="Webhooks: verified and unverified",
        ),
        Alert(
            name="AaVendorNotAsked",
            severity="ticket",
            service="fetch",
            expr="aa:vendor_paused:bool == 1",
            wait_s=PAUSED_S,
            summary="Fetch sends no requests to {{ $labels.vendor }}",
            description="Requests to {{ $labels.vendor }} are postponed: it is down, or refuses our application.",
            impact="Named resources are not fetched; the webhooks stay in AA_VENDOR_HOT until max_age.",
            first_command="athlete-ally streams status",
            panel="Vendors with postponed requests",
        ),
        Alert(
            name="AaWebhooksUnaccounted",
            severity="page",
            service="normalize",
            expr="aa:ledger_unaccounted:webhooks > 0",
            wait_s=LEDGER_S,
            summary="Webhooks of {{ $labels.durable }} are unaccounted for",
            description="{{ $value | humanize }} webhooks of {{ $labels.durable }} are not pending and lack a receipt.",
            impact="Acknowledged webhooks may be lost before they were unpacked or fetched.",
            first_command="athlete-ally doctor",
            panel="Unaccounted webhooks",
        ),
    ]
