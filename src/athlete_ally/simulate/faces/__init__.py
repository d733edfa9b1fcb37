"""The faces of vendors: one file each, and one line here."""

from collections.abc import Mapping

from athlete_ally.simulate.face import Face
from athlete_ally.simulate.faces.fitbit import FITBIT
from athlete_ally.simulate.faces.garmin import GARMIN
from athlete_ally.simulate.faces.google_health import GOOGLE_HEALTH
from athlete_ally.simulate.faces.oura import OURA
from athlete_ally.simulate.faces.polar import POLAR
from athlete_ally.simulate.faces.standard import STANDARD
from athlete_ally.simulate.faces.strava import STRAVA
from athlete_ally.simulate.faces.terra import TERRA
from athlete_ally.simulate.faces.whoop import WHOOP
from athlete_ally.simulate.faces.withings import WITHINGS

__all__ = ["FACES", "STANDARD"]

FACES: Mapping[str, Face] = {
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
