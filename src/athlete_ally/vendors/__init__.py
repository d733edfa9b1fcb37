"""The vendors whose webhooks are understood: one file each, and one line here.

Routes, subjects, durables, series, settings and docs follow from this list. `generic` makes a vendor of any sender that
speaks Standard Webhooks: those are named in the settings.
"""

from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.vendors.fitbit import FITBIT
from athlete_ally.vendors.garmin import GARMIN
from athlete_ally.vendors.generic import generic
from athlete_ally.vendors.google_health import GOOGLE_HEALTH
from athlete_ally.vendors.oura import OURA
from athlete_ally.vendors.polar import POLAR
from athlete_ally.vendors.strava import STRAVA
from athlete_ally.vendors.terra import TERRA
from athlete_ally.vendors.whoop import WHOOP
from athlete_ally.vendors.withings import WITHINGS

__all__ = ["FETCHED", "PLUGINS", "VENDORS", "generic"]

PLUGINS: tuple[Vendor, ...] = (OURA, WHOOP, FITBIT, GOOGLE_HEALTH, GARMIN, POLAR, WITHINGS, STRAVA, TERRA)
VENDORS: tuple[str, ...] = tuple(vendor.name for vendor in PLUGINS)
FETCHED: tuple[str, ...] = tuple(vendor.name for vendor in PLUGINS if vendor.api is not None)
"""Those whose API is asked for what their webhooks name."""
