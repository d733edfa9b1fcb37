"""What files can say, and how each of it is handled: for the docs, which show it beside what vendors send."""

from collections.abc import Mapping
from typing import Final

from athlete_ally.core.vendor.catalogue import NO_KIND, OWN_SCORE, Said, counted, taken
from athlete_ally.formats.apple_health import POINTS

_BESIDE = "it repeats or accompanies other files of the export"
_NO_UNIT = "nothing says its unit"

CATALOGUE: Final[Mapping[str, tuple[Said, ...]]] = {
    "Apple Health": (
        *taken(
            HeartRateVariabilitySDNN="hrv, `sdnn`",
            HeartRateVariabilityRMSSD="hrv, `rmssd`",
            RestingHeartRate="resting_heart_rate",
            RespiratoryRate="respiratory_rate",
            OxygenSaturation="spo2",
            AppleSleepingWristTemperature="skin_temperature",
            SleepAnalysis="sleep",
            BodyMass="body",
            BodyFatPercentage="body",
            LeanBodyMass="body",
            Height="body",
            Workout="workout",
            WorkoutActivity="workout, for each leg of a multisport workout",
            ActivitySummary="activity",
        ),
        *(Said(name, "taken", f"{points.code} as samples") for name, points in POINTS.items()),
        *counted("its records stand at the top level too", "Correlation"),
        *counted("it says who the person is", "Me"),
        *counted(_BESIDE, "workout-routes/", "electrocardiograms/", "export_cda.xml"),
        *counted(NO_KIND, "all other types"),
        Said("HeartRateVariabilityRMSSD of iOS 27", "unconfirmed", "its documentation: it is read by its name"),
    ),
    "FIT": (
        *taken(
            session="workout",
            record="heart_rate, power, cadence, speed, altitude and respiratory_rate as samples",
            hr="heart_rate as samples",
            hrv="hrv, `rrIntervals`",
            beat_intervals="hrv, `rrIntervals`",
            weight_scale="body",
            blood_pressure="systolic_pressure and diastolic_pressure as samples",
            monitoring="heart_rate as samples; its running totals are left out",
            monitoring_hr_data="resting_heart_rate",
            hrv_status_summary="hrv, `rmssd`",
            hrv_value="rmssd as samples",
            respiration_rate="respiratory_rate as samples",
            spo2_data="spo2; spo2 as samples",
            skin_temp_overnight="skin_temperature (deviation)",
            sleep_level="sleep, of the levels behind event 74 (start)",
        ),
        Said("developer fields with a native number", "taken", "as the field that they name"),
        *counted(OWN_SCORE, "stress_level", "sleep_assessment"),
        Said("a sleep_level without event 74", "counted", "nothing says when the night began"),
        Said("what the time of sleep_level stands for", "unconfirmed", "it is read as the end of its level"),
        *counted("by its number: the profile does not define it", "unknown messages"),
        *counted(NO_KIND, "all other messages"),
    ),
    "Health Auto Export": (
        *taken(
            heart_rate_variability="hrv, `sdnn`",
            resting_heart_rate="resting_heart_rate",
            respiratory_rate="respiratory_rate",
            blood_oxygen_saturation="spo2",
            apple_sleeping_wrist_temperature="skin_temperature",
            sleep_analysis="sleep",
            weight_body_mass="body",
            body_fat_percentage="body",
            lean_body_mass="body",
            height="body",
            blood_pressure="systolic_pressure and diastolic_pressure as samples",
            workouts="workout",
        ),
        Said("heart_rate, steps, floors, distances, energy, temperature, glucose", "taken", "points of samples"),
        *counted("stays in the file", "heartRateData", "heartRateRecovery", "route"),
        *counted(NO_KIND, "ecg", "symptoms", "stateOfMind", "medications", "all other metrics"),
        Said("the unit of sleep", "unconfirmed", "hours are assumed where none is stated"),
    ),
    "TCX": (
        *taken(
            Activity="workout",
            Trackpoint="heart_rate, altitude and cadence as samples",
            TPX="speed, power and cadence as samples",
        ),
        *counted("stays in the file", "Position", "Notes", "Training", "Courses"),
    ),
    "GPX": (
        *taken(trk="workout", trkpt="altitude, heart_rate, cadence, power and speed as samples"),
        *counted(NO_KIND, "wpt", "rtept"),
        *counted("the person's own text", "name"),
    ),
    "Beats (Elite HRV, HRV4Training, Kubios)": (
        Said("intervals, one on each line", "taken", "hrv, `rrIntervals`"),
        *counted("neither its name nor its heading says when it began", "a file without a start"),
        Said("the columns of HRV4Training", "unconfirmed", "a heading with RR, NN or IBI names the column"),
    ),
    "Garmin (account export)": (
        Said("FIT files, also in archives", "taken", "as FIT"),
        Said("*_sleepData.json", "taken", "sleep"),
        Said("UDSFile_*.json", "taken", "activity, resting_heart_rate"),
        *counted("no reader knows it", "all other JSON"),
        Said("the format of its JSON", "unconfirmed", "Garmin documents none: what lacks a unit or a day is left out"),
    ),
    "Strava (account export)": (
        Said("activities/*.fit.gz, *.tcx.gz, *.gpx.gz", "taken", "as FIT, TCX and GPX"),
        *counted(_BESIDE, "activities.csv"),
        *counted("no reader knows it", "all other files"),
    ),
    "Polar Flow (account export)": (
        Said("training-session-*.json", "taken", "workout; heart_rate, altitude and cadence as samples"),
        *counted(_NO_UNIT, "speed, power and all other samples"),
        *counted("no reader knows it", "activity-*.json, sleep_*.json, nightly_recovery*.json, 247ohr_*.json"),
        Said("the format of its JSON", "unconfirmed", "Polar documents none"),
    ),
}
"""By format, in the order of the reference of imports."""
