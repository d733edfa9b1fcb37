"""Build the client of a vendor's API; not in `builders`, since most commands don't need an HTTP client."""

import httpx

from athlete_ally.adapters.http.vendor_api import Credentials, HttpVendorApi
from athlete_ally.config.vendor_clients import VendorClient
from athlete_ally.core.vendor.api import Api
from athlete_ally.wiring.builders import now


def vendor_api(api: Api, client: VendorClient, http: httpx.AsyncClient) -> HttpVendorApi:
    """Return the client of this API for our application, over `http`."""
    return HttpVendorApi(api, Credentials(client.client_id, client.client_secret, client.base_url), http, now=now)
