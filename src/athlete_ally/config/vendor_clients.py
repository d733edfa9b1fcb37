"""Client ids and secrets of our application at vendors, from the environment or files; secrets are never printed."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from athlete_ally.config.vendor_secrets import configured_values, value_of
from athlete_ally.config.vendor_variables import api_url_variable, client_id_variable, client_secret_variable
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.plugin import Vendor


@dataclass(frozen=True, slots=True)
class VendorClient:
    """Our application at one vendor. `base_url`, if set, replaces the vendor's own URL."""

    client_id: str
    client_secret: str = field(repr=False)
    base_url: str | None = None


def load_clients(
    vendors: Sequence[Vendor], env_file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> dict[str, VendorClient]:
    """Return our application at each vendor that has an API and is configured.

    Raises:
        Misconfigured: id or secret is missing, a URL is invalid, or a file can't be read.
    """
    values = configured_values(env_file, environment)
    found: dict[str, VendorClient] = {}
    for vendor in vendors:
        id_name, secret_name = client_id_variable(vendor.name), client_secret_variable(vendor.name)
        client_id, secret = value_of(id_name, values), value_of(secret_name, values)
        if bool(client_id) != bool(secret):
            raise Misconfigured(f"{id_name} and {secret_name}: set both or neither")
        base_url = values.get(api_url_variable(vendor.name))
        if base_url is not None and not base_url.startswith(("http://", "https://")):
            raise Misconfigured(f"{api_url_variable(vendor.name)}: must start with http:// or https://")
        if client_id and vendor.api is not None:
            found[vendor.name] = VendorClient(client_id, secret, base_url)
    return found
