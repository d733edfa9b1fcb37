"""The faces of vendors: one file each, and one line here."""

from collections.abc import Mapping

from athlete_ally.simulate.face import Face
from athlete_ally.simulate.faces.fitbit import FITBIT
from athlete_ally.simulate.faces.oura import OURA
from athlete_ally.simulate.faces.polar import POLAR
from athlete_ally.simulate.faces.strava import STRAVA
from athlete_ally.simulate.faces.whoop import WHOOP
from athlete_ally.simulate.faces.withings import WITHINGS

FACES: Mapping[str, Face] = {
    "oura": OURA,
    "whoop": WHOOP,
    "withings": WITHINGS,
    "fitbit": FITBIT,
    "polar": POLAR,
    "strava": STRAVA,
}
