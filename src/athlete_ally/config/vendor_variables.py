"""Names of the variables that hold vendors' secrets; they follow from the registry, like routes and subjects."""

from collections.abc import Iterator, Sequence

FILE_SUFFIX = "_FILE"


def secrets_variable(vendor: str) -> str:
    """Return the name of the variable that holds what proves a vendor's requests."""
    return f"AA_{vendor.upper()}_WEBHOOK_SECRETS"


def token_variable(vendor: str) -> str:
    """Return the name of the variable that holds what a vendor's handshake asks for."""
    return f"AA_{vendor.upper()}_WEBHOOK_TOKEN"


def client_id_variable(vendor: str) -> str:
    """Return the name of the variable that holds what a vendor knows our application by."""
    return f"AA_{vendor.upper()}_CLIENT_ID"


def client_secret_variable(vendor: str) -> str:
    """Return the name of the variable that holds the secret of our application at a vendor."""
    return f"AA_{vendor.upper()}_CLIENT_SECRET"


def api_url_variable(vendor: str) -> str:
    """Return the name of the variable that names another address for a vendor's API: a simulator's."""
    return f"AA_{vendor.upper()}_API_URL"


def variables(vendors: Sequence[str]) -> Iterator[str]:
    """Yield every variable that is read for these vendors; each can be given as a file too."""
    for vendor in vendors:
        for name in (secrets_variable(vendor), token_variable(vendor), client_secret_variable(vendor)):
            yield from (name, name + FILE_SUFFIX)
        yield from (client_id_variable(vendor), api_url_variable(vendor))
