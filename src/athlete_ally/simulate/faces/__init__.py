"""The faces of vendors: one file each, and one line here."""

from collections.abc import Mapping

from athlete_ally.simulate.face import Face
from athlete_ally.simulate.faces.oura import OURA
from athlete_ally.simulate.faces.whoop import WHOOP
from athlete_ally.simulate.faces.withings import WITHINGS

FACES: Mapping[str, Face] = {"oura": OURA, "whoop": WHOOP, "withings": WITHINGS}
