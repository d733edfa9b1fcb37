"""`/kinds`: the data dictionary for machines: every kind, its columns, their units and codes."""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from athlete_ally.api.answers import answer
from athlete_ally.api.service import Asked, ReadService
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.measurements.samples import SORTS

# UCUM (https://ucum.org) by the end of a column's name: the names carry their units.
_UNITS: Final = {
    "_ms": "ms",
    "_min": "min",
    "_s": "s",
    "_m": "m",
    "_kg": "kg",
    "_kcal": "kcal",
    "_bpm": "/min",
    "_per_min": "/min",
    "_percent": "%",
    "_celsius": "Cel",
    "step_count": "{steps}",
    "floor_count": "{floors}",
    "beat_count": "{beats}",
    "artefact_count": "{beats}",
}
# https://loinc.org, the term of each code being this very quantity; a column without one has none.
_LOINC: Final = {
    ("hrv", "sdnn_ms"): "80404-7",
    ("resting_heart_rate", "resting_bpm"): "40443-4",
    ("respiratory_rate", "breaths_per_min"): "9279-1",
    ("spo2", "spo2_percent"): "59408-5",
    ("sleep", "asleep_min"): "93832-4",
    ("sleep", "light_min"): "93830-8",
    ("sleep", "deep_min"): "93831-6",
    ("sleep", "rem_min"): "93829-0",
    ("activity", "step_count"): "41950-7",
    ("body", "mass_kg"): "29463-7",
    ("body", "fat_percent"): "41982-0",
    ("body", "height_m"): "8302-2",
}
_JSON_TYPES: Final = {"str": "string", "int": "integer", "float": "number", "date": "date", "datetime": "instant"}
_COMMON: Final = tuple(field.name for field in msgspec.structs.fields(Record))


async def kinds(service: ReadService, asked: Asked) -> Response:
    """Answer the data dictionary: the same for everybody, since it holds no data."""
    asked.parameters.close()
    shown = [describe(measurement) for measurement in service.measurements]
    return await answer(asked.request, msgspec.json.encode({"kinds": shown}), asked.headers)


def describe(measurement: Measurement) -> dict[str, Any]:
    """Return a kind: of records its columns, of time series its codes."""
    about: dict[str, Any] = {"kind": measurement.kind, "title": measurement.title}
    if issubclass(measurement.record_type, SampleBatch):
        codes = [{"code": code, "unit": sort.unit, "loinc": sort.loinc} for code, sort in SORTS.items()]
        return about | {"shape": "samples", "codes": codes}
    fields = [field for field in msgspec.structs.fields(measurement.record_type) if field.name not in _COMMON]
    columns = [
        {
            "name": field.name,
            "type": _type(field.type),
            "unit": unit_of(field.name),
            "loinc": _LOINC.get((measurement.kind, field.name)),
            "on_demand": field.name in measurement.bulky,
        }
        for field in fields
    ]
    return about | {"shape": "records", "columns": columns}


def unit_of(column: str) -> str | None:
    """Return the UCUM unit that the name of a column carries; None where it is a score, a word or a logarithm."""
    for end in sorted(_UNITS, key=len, reverse=True):
        if column.endswith(end):
            return _UNITS[end]
    return None


def _type(annotation: Any) -> str:
    text = getattr(annotation, "__name__", None) or str(annotation)
    if text.startswith("tuple"):
        return "array"
    return next((json for name, json in _JSON_TYPES.items() if text.split(" ")[0] == name), "string")
