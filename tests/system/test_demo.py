"""The demo, as a newcomer runs it."""

from support.commands import Commands

# What a developer who works with real vendors may have set; the demo has vendors of its own.
REAL = {
    "AA_TERRA_WEBHOOK_SECRETS": "the-secret-of-a-real-application",
    "AA_OURA_WEBHOOK_SECRETS_FILE": "/no/such/file",
    "AA_OURA_CLIENT_SECRET_FILE": "/no/such/file",
    "AA_INGEST_URL": "http://127.0.0.1:1",
    "AA_CONNECT_URL": "http://127.0.0.1:1",
}


async def test_every_reading_and_webhook_is_accounted_for() -> None:
    """
    Exit code 0; readings of clients and of two vendors are where the ledger says, one of the vendors was asked for what
    its webhooks named, duplicates were kept once and forgeries refused and counted, whatever the environment holds.
    """
    outcome = await Commands(REAL)("demo", "--json")

    assert outcome.code == 0, outcome.err
    ledger = outcome.document
    readings, terra, oura = ledger["readings"], ledger["vendors"]["terra"], ledger["vendors"]["oura"]
    ended = ("stored", "superseded", "duplicate", "refused", "dead_lettered")
    assert readings["sent"] + readings["unpacked"] == sum(readings[name] for name in ended)
    assert (readings["unaccounted"], readings["pending"]) == (0, 0)
    assert readings["unpacked"] == terra["readings"] + oura["readings"]
    for vendor in (terra, oura):
        assert {
            "sent": 14,
            "forged": 2,
            "refused": 2,
            "counted_as_unverified": 2,
            "duplicates": 2,
        }.items() <= vendor.items()
        assert (vendor["unaccounted"], vendor["not_fetched"]) == (0, 0)
    assert (terra["handshake"], terra["webhooks"], terra["documents"]) == (None, {"unpacked": 10}, {})
    assert (oura["handshake"], oura["webhooks"], oura["documents"]) == ([], {"named": 10}, {"unpacked": 10})
    assert (terra["readings"] > 10, oura["readings"] > 10) == (True, True)
    assert ledger["records"]["resting_heart_rate"] > 0
