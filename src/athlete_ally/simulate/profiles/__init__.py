"""The faces of vendors: one file each, and one line here."""

from collections.abc import Mapping

from athlete_ally.simulate.profiles.fitbit import FITBIT
from athlete_ally.simulate.profiles.garmin import GARMIN
from athlete_ally.simulate.profiles.google_health import GOOGLE_HEALTH
from athlete_ally.simulate.profiles.oura import OURA
from athlete_ally.simulate.profiles.polar import POLAR
from athlete_ally.simulate.profiles.standard import STANDARD
from athlete_ally.simulate.profiles.strava import STRAVA
from athlete_ally.simulate.profiles.terra import TERRA
from athlete_ally.simulate.profiles.whoop import WHOOP
from athlete_ally.simulate.profiles.withings import WITHINGS
from athlete_ally.simulate.vendor_profile import VendorProfile

__all__ = ["PROFILES", "STANDARD"]

PROFILES: Mapping[str, VendorProfile] = {
    "garmin": GARMIN,
    "google_health": GOOGLE_HEALTH,
    "terra": TERRA,
    "oura": OURA,
    "whoop": WHOOP,
    "withings": WITHINGS,
    "fitbit": FITBIT,
    "polar": POLAR,
    "strava": STRAVA,
}
