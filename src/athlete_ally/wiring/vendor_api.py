"""Building the client of a vendor's API, apart from `builders`: most commands need no HTTP client to start."""

import httpx

from athlete_ally.adapters.http.vendor_api import Credentials, HttpVendorApi
from athlete_ally.config.vendor_clients import VendorClient
from athlete_ally.core.vendor.api import Api
from athlete_ally.wiring.builders import now


def vendor_api(api: Api, client: VendorClient, http: httpx.AsyncClient) -> HttpVendorApi:
    """Return what asks this API as our application, over `http`."""
    return HttpVendorApi(api, Credentials(client.client_id, client.client_secret, client.base_url), http, now=now)
