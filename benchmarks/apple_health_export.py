"""Make an Apple Health export of made-up records, of any size, for `athlete-ally import apple-health`.

The mix is that of a person with a watch: heart rates, energy, steps and distances by the thousand a day, nights in
stages, HRV, SpO2, workouts, and types that nobody takes. The same options make the same file.

    uv run benchmarks/apple_health_export.py --records 5000000 export.zip
"""

import argparse
import random
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

HOME = timezone(timedelta(hours=1))
LAST_DAY = datetime(2026, 11, 19, tzinfo=HOME)
WATCH = (
    'sourceName="Some Watch" sourceVersion="11.1" device="&lt;&lt;HKDevice: 0x{address:x}&gt;, name:Apple Watch, '
    'manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, software:11.1&gt;"'
)
PHONE = (
    'sourceName="Some Phone" sourceVersion="18.1" device="&lt;&lt;HKDevice: 0x{address:x}&gt;, name:iPhone, '
    'manufacturer:Apple Inc., model:iPhone, hardware:iPhone14,5, software:18.1&gt;"'
)
# Type, unit, device, records a day, seconds that one lasts, lowest, highest, decimals.
SERIES = (
    ("HeartRate", "count/min", WATCH, 1440, 0, 46, 165, 0),
    ("ActiveEnergyBurned", "kcal", WATCH, 700, 60, 0.1, 9, 3),
    ("BasalEnergyBurned", "kcal", WATCH, 300, 280, 2, 6, 3),
    ("StepCount", "count", WATCH, 220, 120, 1, 220, 0),
    ("StepCount", "count", PHONE, 120, 200, 1, 300, 0),
    ("DistanceWalkingRunning", "km", WATCH, 220, 120, 0.001, 0.2, 5),
    ("FlightsClimbed", "count", PHONE, 12, 60, 1, 3, 0),
    ("RespiratoryRate", "count/min", WATCH, 28, 0, 12, 18, 1),
    ("OxygenSaturation", "%", WATCH, 24, 0, 0.92, 1, 2),
    ("HeartRateVariabilitySDNN", "ms", WATCH, 8, 60, 20, 90, 4),
    ("RestingHeartRate", "count/min", WATCH, 1, 0, 48, 58, 0),
    ("AppleSleepingWristTemperature", "degC", WATCH, 1, 25000, 34, 36, 4),
    ("HeadphoneAudioExposure", "dBASPL", PHONE, 20, 300, 50, 80, 3),
)
STAGES = ("AsleepCore", "AsleepDeep", "AsleepCore", "AsleepREM", "Awake")
SEGMENTS = 24
RECORDS_A_DAY = sum(series[3] for series in SERIES) + SEGMENTS
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)>
]>
<HealthData locale="en_GB">
 <ExportDate value="2026-11-20 09:00:00 +0100"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="" HKCharacteristicTypeIdentifierBiologicalSex=""/>
"""


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the zip to write")
    parser.add_argument("--records", type=int, default=100_000, help="about how many records (default 100000)")
    options = parser.parse_args()
    written = write(options.file, days=max(1, round(options.records / RECORDS_A_DAY)))
    print(f"{written:,} records in {options.file}, {options.file.stat().st_size / 2**20:,.0f} MiB")


def write(path: Path, days: int) -> int:
    """Write an export of so many days; return the number of its records."""
    chance = random.Random(days)  # noqa: S311  # made-up data
    written = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with archive.open("apple_health_export/export.xml", "w", force_zip64=True) as file:
            file.write(HEAD.encode())
            for lines in (records(days, chance), nights(days, chance), summaries(days, chance)):
                for line in lines:
                    file.write(line.encode())
                    written += line.startswith(" <Record")
            file.write(b"</HealthData>\n")
        archive.writestr("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
    return written


def records(days: int, chance: random.Random) -> Iterator[str]:
    """Yield the quantities, type by type and in the order of time, as exports have them."""
    for name, unit, device, a_day, lasts_s, lowest, highest, decimals in SERIES:
        step_s = 86_400 // a_day
        for day in range(days):
            for number in range(a_day):
                second = number * step_s + chance.randrange(max(1, step_s - lasts_s))
                start = _day(days, day) + timedelta(seconds=second)
                value = f"{chance.uniform(lowest, highest):.{decimals}f}"
                end = start + timedelta(seconds=lasts_s)
                source = device.format(address=chance.randrange(2**40))
                yield _record(f"HKQuantityTypeIdentifier{name}", source, start, end, f'unit="{unit}" value="{value}"')


def nights(days: int, chance: random.Random) -> Iterator[str]:
    """Yield nights in stages, from eleven in the evening on."""
    for day in range(days):
        at = _day(days, day) - timedelta(hours=1)
        for number in range(SEGMENTS):
            end = at + timedelta(minutes=chance.randrange(5, 35))
            value = f'value="HKCategoryValueSleepAnalysis{STAGES[number % len(STAGES)]}"'
            yield _record("HKCategoryTypeIdentifierSleepAnalysis", WATCH.format(address=number), at, end, value)
            at = end


def summaries(days: int, chance: random.Random) -> Iterator[str]:
    """Yield a workout every other day, and each day's summary."""
    for day in range(days):
        start = _day(days, day) + timedelta(hours=17)
        end = start + timedelta(minutes=45)
        if day % 2:
            yield (
                f' <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="44.5" durationUnit="min" '
                f"{WATCH.format(address=day)} {_times(start, end)}>\n"
                f'  <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="{chance.randrange(130, 160)}" '
                f'minimum="90" maximum="178" unit="count/min"/>\n'
                f'  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="8.2" unit="km"/>\n'
                f" </Workout>\n"
            )
        yield (
            f' <ActivitySummary dateComponents="{_day(days, day):%Y-%m-%d}" appleExerciseTime="31" '
            f'activeEnergyBurned="{chance.randrange(300, 900)}" activeEnergyBurnedUnit="kcal"/>\n'
        )


def _day(days: int, number: int) -> datetime:
    return LAST_DAY - timedelta(days=days - 1 - number)


def _record(sort: str, source: str, start: datetime, end: datetime, rest: str) -> str:
    return f' <Record type="{sort}" {source} {_times(start, end)} {rest}/>\n'


def _times(start: datetime, end: datetime) -> str:
    created = end + timedelta(minutes=3)
    return f'creationDate="{_text(created)}" startDate="{_text(start)}" endDate="{_text(end)}"'


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


if __name__ == "__main__":
    main()
