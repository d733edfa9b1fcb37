"""What a change touches: changes are made in a copy of the project, and the page that lists their files is right."""

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.project_copy import ROOT, ProjectCopy

PAGE = ROOT / "docs" / "explanation" / "a-change.md"
GUIDES = ROOT / "docs" / "how-to"
KIND_FILE = "src/athlete_ally/measurements/spo2.py"


def listed(change: str) -> dict[str, str]:
    """Return the files of a change, as patterns, with who makes them."""
    (section,) = re.findall(rf"^## {change}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return {file: by.strip("`") for file, by in re.findall(r"^\| `([^`]+)` \| (\S+) \|", section, re.MULTILINE)}


def assert_listed(copy: ProjectCopy, change: str, *, wrote_all: bool = False) -> None:
    """Assert that everything that differs has its row, and that every row of a generator differs."""
    rows = listed(change)
    patterns = {file: re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(file)) for file in rows}

    def rows_of(name: str) -> set[str]:
        return {file for file, pattern in patterns.items() if re.fullmatch(pattern, name)}

    by_hand = {file for name in copy.written for file in rows_of(name)}
    made = {(file, script) for name, script in copy.built for file in rows_of(name) or {name}}
    assert [name for name in sorted(copy.written) if not rows_of(name)] == []
    assert {(file, by) for file, by in rows.items() if by != "you"} == made
    assert {"you"} == {rows[file] for file in by_hand}
    assert not wrote_all or {file for file, by in rows.items() if by == "you"} == by_hand


def blocks(guide: str, language: str) -> list[str]:
    """Return the fenced blocks of a how-to guide."""
    return re.findall(rf"^```{language}\n(.*?)^```", (GUIDES / guide).read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> ProjectCopy:
    """Give the test a copy of the project."""
    return ProjectCopy.into(tmp_path)


def test_a_new_kind(copy: ProjectCopy) -> None:
    """
    After the steps of the guide the listed files are written; the tests name only the two pages as missing.
    """
    code, registry = blocks("add-a-kind.md", "python")
    copy.write("tests/unit/measurements/samples/blood_glucose.json", blocks("add-a-kind.md", "json")[0])
    copy.write("src/athlete_ally/measurements/blood_glucose.py", code)
    copy.register("src/athlete_ally/measurements/__init__.py", registry)
    migrations = "src/athlete_ally/adapters/postgres/migrations"
    copy.write(f"{migrations}/9999_blood_glucose.sql", blocks("add-a-kind.md", "sql")[0])
    copy.build()
    wanting = copy.failures(
        "tests/unit/measurements/test_measurements.py", "tests/guards/test_registries.py", "-k", "blood_glucose"
    )
    for page in ("http.md", "records.md"):
        copy.edit(f"docs/reference/{page}", "\n\n", "\n\n`mmolPerL` `glucose_mmol_per_l` `mmol-per-l-implausible`\n\n")

    assert {"tests/guards/test_registries.py::test_every_kind_is_in_the_reference[blood_glucose]"} == wanting
    assert set() == copy.failures("tests/guards/test_registries.py", "-k", "blood_glucose")
    assert_listed(copy, "A new kind", wrote_all=True)


def test_a_new_vendor(copy: ProjectCopy) -> None:
    """
    After the steps of the guide, up to the simulated vendor, the listed files are written, and all tests of
    the vendor pass.
    """
    payloads, signed, *_ = blocks("add-a-vendor.md", "json")
    code, registry, profile, profiles, *_ = blocks("add-a-vendor.md", "python")
    samples = "tests/unit/vendors/samples"
    copy.write(f"{samples}/kestrel.json", payloads)
    known: list[Any] = json.loads((ROOT / samples / "signatures.json").read_bytes())
    sample: dict[str, Any] = json.loads(signed)
    text = f"1795514400.{sample['body']}".encode()
    sample["headers"]["x-kestrel-signature"] = hmac.new(b"kestrel-signing-secret", text, hashlib.sha256).hexdigest()
    copy.write(f"{samples}/signatures.json", json.dumps([*known, sample]))
    copy.edit(f"{samples}/README.md", "# clinic", "# kestrel: hex, timestamp, full stop and body\n# clinic")
    copy.write("src/athlete_ally/vendors/kestrel.py", code)
    copy.register("src/athlete_ally/vendors/__init__.py", registry)
    copy.write("src/athlete_ally/simulate/profiles/kestrel.py", profile)
    copy.register("src/athlete_ally/simulate/profiles/__init__.py", profiles)
    copy.build()

    assert set() == copy.failures("tests/unit/vendors", "tests/guards/test_registries.py", "-k", "kestrel")
    assert_listed(copy, "A new vendor", wrote_all=True)


def test_a_new_field_of_a_kind(copy: ProjectCopy) -> None:
    """
    A number more in a reading and in its record: besides the kind's own files, only the messages are described anew.
    """
    field = "lowest_percent: Percent | None = None"
    copy.edit(KIND_FILE, field, f"{field}\n    highest_percent: Percent | None = None")
    column = "lowest_percent: float | None"
    copy.edit(KIND_FILE, f"{column}\n\n\ndef", f"{column}\n    highest_percent: float | None\n\n\ndef")
    quantity = 'Quantity("highest_percent", "highest_percent", "%", possible=_POSSIBLE, plausible=_PLAUSIBLE)'
    copy.edit(KIND_FILE, "LOWEST_PERCENT]", f"LOWEST_PERCENT, {quantity}]")
    copy.build()

    assert_listed(copy, "A new field of a kind")


def test_a_header_that_a_vendor_renames(copy: ProjectCopy) -> None:
    """
    The vendor, its simulated twin and the signed sample name it; no other code does, and the tests pass with all three.
    """
    for name in (
        "src/athlete_ally/vendors/oura.py",
        "src/athlete_ally/simulate/profiles/oura.py",
        "tests/unit/vendors/samples/signatures.json",
    ):
        text = (ROOT / name).read_text("utf-8")
        copy.write(name, text.replace("x-oura-signature", "x-oura-renamed"))
        assert text != (copy.folder / name).read_text("utf-8")
    copy.build()
    naming = [path for path in (copy.folder / "src").rglob("*.py") if "x-oura-signature" in path.read_text("utf-8")]

    assert naming == []
    assert set() == copy.failures("tests/unit/core/test_signature.py", "-k", "oura")
    assert_listed(copy, "A header that a vendor renames", wrote_all=True)


def test_a_new_setting(copy: ProjectCopy) -> None:
    """
    A field in its section is in `.env.example` and in the reference.
    """
    setting = '    a_setting: int = Field(3, validation_alias="AA_A_SETTING", description="A setting.")\n'
    section = "src/athlete_ally/config/sections/process.py"
    copy.write(section, (ROOT / section).read_text("utf-8") + setting)
    copy.build()

    assert_listed(copy, "A new setting")


def test_a_new_series_with_an_alert(copy: ProjectCopy) -> None:
    """
    Declared, recorded, alerted on and shown: rules of all environments, dashboard and tables follow.
    """
    series = "src/athlete_ally/core/series/fetch.py"
    copy.edit(series, "    connects: Series\n", "    connects: Series\n    naps: Series\n")
    declared = 'naps=Series("fetch_naps_total", "counter", "Naps.", ("vendor",), each),'
    copy.edit(series, "        connects=Series(", f"        {declared}\n        connects=Series(")
    rule = '_rule("aa:fetch_naps:rate", "sum by (vendor) (rate(fetch_naps_total[5m]))"),'
    copy.edit(
        "monitoring/generator/recording.py",
        '        _rule("aa:vendor_paused',
        f'        {rule}\n        _rule("aa:vendor_paused',
    )
    alerts = "monitoring/generator/alerts_vendors.py"
    texts = ", ".join(f'{name}="A nap."' for name in ("summary", "description", "impact"))
    panel = 'panel="Naps", first_command="athlete-ally doctor"'
    when = 'severity="ticket", service="fetch", expr="aa:fetch_naps:rate > 0", wait_s=0'
    copy.edit(alerts, "    return [\n", f'    return [\n        Alert(name="AaNap", {when}, {texts}, {panel}),\n')
    runbooks = "docs/runbooks/alerts"
    copy.write(f"{runbooks}/AaNap.md", (ROOT / runbooks / "AaVendorNotAsked.md").read_text("utf-8"))
    shown = 'title="Naps", description="Naps.", unit="cps", width=4, alerts=("AaNap",)'
    targets = 'targets=(Target("aa:fetch_naps:rate", "{{vendor}}"),)'
    vendors = '"""Return the panels on vendors."""\n    return (\n'
    copy.edit("monitoring/generator/rows_services.py", vendors, f"{vendors}        Panel({shown}, {targets}),\n")
    copy.build()

    assert_listed(copy, "A new series with an alert")


def test_a_new_command(copy: ProjectCopy) -> None:
    """
    A module and a line in the table of its group: the reference has it.
    """
    verb = '"""`keys count`: how many there are."""\n\nimport click\n\n\n@click.command()\ndef count() -> None:\n'
    copy.write("src/athlete_ally/cli/keys/count.py", f'{verb}    """Count the keys. (read-only)"""\n')
    line = '    "count": "athlete_ally.cli.keys.count:count",\n'
    copy.edit("src/athlete_ally/cli/keys/__init__.py", "_COMMANDS = {\n", f"_COMMANDS = {{\n{line}")
    copy.build()

    assert set() == copy.failures("tests/guards/test_cli_docs.py")
    assert_listed(copy, "A new command")
