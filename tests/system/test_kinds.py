"""Every kind, from its examples over HTTP to rows, with as little as the settings allow."""

from support.services import Client, Site
from support.wait import eventually

from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.measurements import KINDS, MEASUREMENTS


async def test_every_kind_reaches_its_table_over_one_connection(site: Site) -> None:
    """
    All workers together use a single connection to the database: each example becomes its rows, the ledger balances.
    """
    ingest = await site.service("ingest").start().ready()
    normalize = await site.service("normalize", AA_DATABASE_POOL_SIZE="1").start().ready()
    client = Client(lambda: ingest.url)
    for measurement in MEASUREMENTS:
        await client.send(list(measurement.examples), kind=measurement.kind, count=len(measurement.examples))
    await eventually(site.is_settled, within_s=60)
    await site.balance(client.accepted, normalize)
    rows = {each.kind: await site.pool.fetchval(f"SELECT count(*) FROM {each.table}") for each in MEASUREMENTS}  # noqa: S608  # ours
    points = [
        len(example.get("values", "1"))
        for each in MEASUREMENTS
        for example in each.examples
        if each.record_type is SampleBatch
    ]

    assert {**{kind: rows[kind] for kind in KINDS}, "samples": sum(points)} == {
        **{each.kind: len(each.examples) for each in MEASUREMENTS},
        "samples": rows["samples"],
    }
