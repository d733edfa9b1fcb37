"""What each vendor can say, and what becomes of it: the one table that the docs are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Fate = Literal["taken", "counted", "unconfirmed"]
"""Taken: it becomes readings. Counted: it is left out, and counted as ignored. Unconfirmed: nobody could look it up."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a vendor can say, by its real name; what it becomes (kinds, or codes of `samples`), or why not."""

    name: str
    fate: Fate
    becomes: str


def _taken(**said: str) -> tuple[Said, ...]:
    return tuple(Said(name, "taken", becomes) for name, becomes in said.items())


def _counted(why: str, *names: str) -> tuple[Said, ...]:
    return tuple(Said(name, "counted", why) for name in names)


_NO_KIND = "nothing that is a kind of ours"
_OWN_SCORE = "a score of the vendor's own"
_NOT_ASKED = "not asked for"

CATALOGUE: Mapping[str, tuple[Said, ...]] = {
    "oura": (
        *_taken(
            sleep="sleep, hrv, resting_heart_rate, respiratory_rate; heart_rate and rmssd as samples",
            daily_readiness="skin_temperature (deviation); its score is left out",
            daily_activity="activity",
            daily_spo2="spo2",
            workout="workout, on the `day` that it names",
            session="heart_rate and rmssd as samples",
        ),
        Said("event_type delete; a sleep of type `deleted` or `rest`", "taken", "the rows go; samples stay"),
        *_counted(_OWN_SCORE, "daily_sleep", "daily_resilience", "daily_cardiovascular_age", "vO2_max"),
        *_counted(_NO_KIND, "daily_stress", "tag", "enhanced_tag", "rest_mode_period", "sleep_time"),
        *_counted(_NOT_ASKED, "heartrate", "ring_configuration"),
    ),
    "whoop": (
        *_taken(
            sleep="sleep, respiratory_rate",
            recovery="hrv, resting_heart_rate, spo2, skin_temperature, with the interval of its sleep",
            workout="workout; `strain` as its load",
        ),
        Said("sleep.deleted, recovery.deleted, workout.deleted", "taken", "the rows go"),
        *_counted("stays in the document", "zone_duration", "sleep_needed", "sleep_performance_percentage"),
        *_counted(_NOT_ASKED, "cycle", "body_measurement"),
    ),
    "fitbit": (
        *_taken(
            sleep="sleep, by its date; the naps of a day are one",
            hrv="hrv, of the night and of deep sleep",
            breathing_rate="respiratory_rate",
            spo2="spo2",
            skin_temperature="skin_temperature (deviation)",
            activities="activity, resting_heart_rate",
            weight="body, one record a day: no time has an offset",
        ),
        *_counted(_NO_KIND, "foods", "efficiency", "activityCalories"),
        *_counted("its times have no offset", "intraday series"),
    ),
    "google_health": (
        Said("sleep", "taken", "sleep"),
        Said("exercise", "taken", "workout"),
        Said("weight", "taken", "body, at its instant"),
        Said("daily-heart-rate-variability", "taken", "hrv, of the night and of deep sleep"),
        Said("daily-resting-heart-rate", "taken", "resting_heart_rate"),
        Said("daily-respiratory-rate", "taken", "respiratory_rate"),
        Said("daily-oxygen-saturation", "taken", "spo2"),
        Said("daily-sleep-temperature-derivations", "taken", "skin_temperature"),
        Said("operation DELETE, in physical time", "taken", "the rows of sleep, exercise or weight go"),
        Said("operation DELETE, in civil time or of a day", "counted", "a dead letter: what went can't be placed"),
        *_counted(
            "not asked for: steps and the like are summed up by another method",
            "steps",
            "distance",
            "floors",
            "altitude",
            "total-calories",
            "active-minutes",
            "active-zone-minutes",
            "activity-level",
            "sedentary-period",
            "calories-in-heart-rate-zone",
            "time-in-heart-rate-zone",
            "daily-heart-rate-zones",
        ),
        *_counted(
            _NOT_ASKED,
            "heart-rate",
            "heart-rate-variability (intraday)",
            "respiratory-rate-sleep-summary",
            "body-fat",
            "height",
            "blood-glucose",
            "run-vo2-max",
            "hydration-log",
            "nutrition-log",
            "electrocardiogram",
        ),
    ),
    "garmin": (
        *_taken(
            dailies="activity, resting_heart_rate; heart_rate as samples",
            sleeps="sleep with its naps; respiratory_rate and spo2 as samples",
            hrv="hrv; rmssd of five minutes as samples",
            bodyComps="body, at its instant",
            bloodPressures="systolic_pressure, diastolic_pressure and heart_rate as samples",
            skinTemp="skin_temperature (deviation)",
            pulseox="spo2 on demand at its instant; all others as samples",
            pulseOx="as `pulseox`",
            allDayRespiration="respiratory_rate as samples",
            respiration="as `allDayRespiration`",
            healthSnapshot="hrv, respiratory_rate, spo2",
            activities="workout; a parent has the context `multisport`",
            manuallyUpdatedActivities="workout",
            activityDetails="workout; heart_rate, power, speed, altitude and cadence as samples",
        ),
        *_counted(_NO_KIND, "epochs", "stressDetails", "userMetrics", "moveIQActivities", "menstrualCycleTracking"),
        *_counted("stays in the webhook", "laps", "stepsPerMinute", "epochSummaries", "sdrr_hrv", "bodyBattery"),
        *_counted("an address: have summaries pushed", "callbackURL (ping)", "activityFiles"),
        Said("userPermissionsChange", "unconfirmed", "which permission stands for which summaries"),
    ),
    "polar": (
        *_taken(
            SLEEP="sleep; heart_rate as samples",
            NIGHTLY_RECHARGE="hrv, respiratory_rate",
            ACTIVITY_SUMMARY="activity",
            EXERCISE="workout",
        ),
        *_counted("its times are the device's, and nothing tells their offset", "CONTINUOUS_HEART_RATE"),
        *_counted("by a clock, and its document tells no offset", "hrv_samples", "breathing_samples"),
        *_counted(_NO_KIND, "SLEEP_WISE_ALERTNESS", "SLEEP_WISE_CIRCADIAN_BEDTIME"),
        Said("PHYSICAL_INFORMATION", "unconfirmed", "when what it holds was measured: it is not asked for"),
    ),
    "withings": (
        Said("appli 1, 2, 4 (measures)", "taken", "body, spo2, skin_temperature, at an instant; pressures as samples"),
        Said("appli 16 (activity)", "taken", "activity, workout"),
        Said("appli 44 (sleep)", "taken", "sleep, respiratory_rate"),
        Said("action delete, unlink", "taken", "the permission is withdrawn"),
        *_counted("of another person, or a wish", "attrib 1 and 4", "category 2"),
        *_counted(
            _NOT_ASKED, "appli 50 and 51 (in and out of bed)", "appli 54 (ECG)", "appli 55", "appli 58", "appli 62"
        ),
        Said("rmssd_start_avg, rmssd_end_avg", "unconfirmed", "their unit and meaning"),
    ),
    "strava": (
        Said("activity", "taken", "workout"),
        Said("aspect_type delete", "taken", "the workout goes"),
        Said("athlete, authorized false", "taken", "the permission is withdrawn"),
        *_counted("stays in the document", "suffer_score", "segment_efforts", "splits", "gear", "average_watts"),
        *_counted(_NOT_ASKED, "streams"),
    ),
    "terra": (
        *_taken(
            sleep="sleep, hrv, resting_heart_rate, respiratory_rate, spo2, skin_temperature; series as samples",
            daily="activity, resting_heart_rate, hrv; heart_rate, rmssd and spo2 as samples",
            body="body at its instant; pressures, glucose, temperature, spo2 and heart_rate as samples",
            activity="workout; heart_rate, power, speed and altitude as samples; `upload_type` 4 takes it away",
        ),
        Said("deauth, access_revoked", "taken", "the permission is withdrawn"),
        Said("s3_payload", "counted", "a dead letter: the data is at an address, which is not followed"),
        Said("user_reauth", "counted", "link the new account with `athlete-ally accounts add`"),
        *_counted("the person's own text", "metadata.name"),
        *_counted(_NO_KIND, "athlete", "menstruation", "nutrition", "planned_workout"),
        *_counted(
            "stays in the webhook", "lap_data", "strain_data", "stress_data", "scores", "samples of steps or energy"
        ),
        *_counted(
            "news of the connection",
            "auth",
            "healthcheck",
            "processing",
            "large_request_processing",
            "large_request_sending",
            "permission_change",
            "connection_error",
            "rate_limit_hit",
        ),
    ),
}
"""By vendor, in the order of its documentation."""
