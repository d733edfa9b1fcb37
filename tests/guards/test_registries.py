"""The registries: a plug-in that nobody registered would be dead code that looks alive."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from athlete_ally.adapters.postgres.migrate import all_migrations
from athlete_ally.core.broker.topology import build_topology, normalize_durable, raw_subject
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.formats import garmin, terra
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.measurements.samples import SORTS
from athlete_ally.vendors import FETCHED, PLUGINS, VENDORS

SOURCE = Path(__file__).parents[2] / "src" / "athlete_ally"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SAMPLES = Path(__file__).parents[1] / "unit" / "measurements" / "samples"
PAYLOADS = Path(__file__).parents[1] / "unit" / "vendors" / "samples"


@pytest.mark.parametrize(("room", "registered"), [("measurements", KINDS), ("vendors", VENDORS)])
def test_every_file_is_registered(room: str, registered: tuple[str, ...]) -> None:
    """
    Each file in a registry's folder is one registered plug-in, and the other way round.
    """
    # `generic` makes vendors of senders that the settings name.
    files = {path.stem for path in (SOURCE / room).glob("*.py")} - {"__init__", "generic"}

    assert set(registered) == files


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_has_samples(vendor: str) -> None:
    """
    A vendor brings payloads with what is in them, and a signed request whose signature our code did not compute; one
    whose API is asked brings a document, too.
    """
    payloads = PAYLOADS / f"{vendor}.json"
    assert payloads.is_file(), f"what its payloads hold is missing: {payloads}"
    signed = {sample["vendor"] for sample in json.loads((PAYLOADS / "signatures.json").read_bytes())}
    assert vendor in signed, "a signed request is missing in signatures.json"
    has_document = any("document" in sample for sample in json.loads(payloads.read_bytes()))
    assert has_document or vendor not in FETCHED, f"a document of its API is missing in {payloads}"


OF_ROWS = [each for each in MEASUREMENTS if not issubclass(each.record_type, SampleBatch)]


@pytest.mark.parametrize("measurement", OF_ROWS, ids=[each.kind for each in OF_ROWS])
def test_every_kind_has_a_table_with_its_columns(measurement: Measurement) -> None:
    """
    The migrations create a table with exactly the fields of the record, and the time at which it was stored.
    """
    created = re.search(rf"CREATE TABLE {measurement.table} \((.*?)\n\);", _all_sql(), re.DOTALL)
    columns = set(re.findall(r"^    ([a-z_0-9]+) ", created[1], re.MULTILINE)) if created else set[str]()
    columns |= set(re.findall(rf"^ALTER TABLE {measurement.table} ADD COLUMN ([a-z_0-9]+) ", _all_sql(), re.MULTILINE))
    fields = {field.name for field in msgspec.structs.fields(measurement.record_type)}

    assert fields | {"stored_at"} == columns


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=KINDS)
def test_every_kind_has_samples_and_valid_examples(measurement: Measurement) -> None:
    """
    A kind brings payload samples with expected records, and its examples are readings without a problem.
    """
    raw = [msgspec.Raw(msgspec.json.encode(example)) for example in measurement.examples]
    _, problems = measurement.decoder.decode_all(raw)

    assert ((SAMPLES / f"{measurement.kind}.json").is_file(), problems) == (True, [])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_durable(kind: str) -> None:
    """
    The topology has a durable for the kind, bound to its subject and its own redrive lane.
    """
    durable = build_topology(KINDS, VENDORS, fetched=FETCHED).durable(normalize_durable(kind))

    assert (raw_subject(kind), f"athlete-ally.redrive.normalize-{kind}-durable.>") == durable.filter_subjects


def _all_sql() -> str:
    return "\n".join(migration.sql for migration in all_migrations())


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=KINDS)
def test_every_kind_is_in_the_reference(measurement: Measurement) -> None:
    """
    The reference names each field of a reading, each column of its own, and each flag that its samples show.
    """
    fields = {field.encode_name for field in msgspec.structs.fields(measurement.decoder.reading_type)}
    columns = {field.name for field in msgspec.structs.fields(measurement.record_type)} - set(Record.__struct_fields__)
    samples = json.loads((SAMPLES / f"{measurement.kind}.json").read_bytes())
    flags = {flag for sample in samples for flag in sample.get("record", {}).get("quality_flags", [])}
    own_columns = set[str]() if issubclass(measurement.record_type, SampleBatch) else columns

    assert (fields - _named("http.md"), (own_columns | flags) - _named("records.md")) == (set(), set())


def test_every_code_of_a_series_is_in_the_reference() -> None:
    """
    The pages on HTTP and on records name each code, and the former its unit and LOINC code.
    """
    known = {each for code, sort in SORTS.items() for each in (code, sort.unit)}
    page = (REFERENCE / "http.md").read_text(encoding="utf-8")

    assert (known - _named("http.md"), set(SORTS) - _named("records.md")) == (set(), set())
    assert [sort.loinc for sort in SORTS.values() if sort.loinc and sort.loinc not in page] == []


def _named(page: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", (REFERENCE / page).read_text(encoding="utf-8")))


@pytest.mark.parametrize("vendor", PLUGINS, ids=VENDORS)
def test_what_a_vendor_says_is_listed(vendor: Vendor) -> None:
    """
    A vendor's list names each kind that the vendor becomes, each thing once, and each list that is read.
    """
    said = vendor.says
    taken = " ".join(each.becomes for each in said if each.fate == "taken")
    names = [each.name for each in said]
    read = {"garmin": garmin.SUMMARIES, "terra": terra.MODELS}.get(vendor.name, {})

    assert [kind for kind in vendor.kinds if kind not in taken] == []
    assert (len(names), set()) == (len(set(names)), set(read) - set(names))
