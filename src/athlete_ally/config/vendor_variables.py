"""Names of the variables that hold vendors' secrets, derived from the registry as routes and subjects are."""

from collections.abc import Iterator, Sequence

FILE_SUFFIX = "_FILE"


def secrets_variable(vendor: str) -> str:
    """Return the name of the variable with the secrets that verify a vendor's requests."""
    return f"AA_{vendor.upper()}_WEBHOOK_SECRETS"


def token_variable(vendor: str) -> str:
    """Return the name of the variable with the token of a vendor's handshake."""
    return f"AA_{vendor.upper()}_WEBHOOK_TOKEN"


def client_id_variable(vendor: str) -> str:
    """Return the name of the variable with the client id of our application at a vendor."""
    return f"AA_{vendor.upper()}_CLIENT_ID"


def client_secret_variable(vendor: str) -> str:
    """Return the name of the variable with the client secret of our application at a vendor."""
    return f"AA_{vendor.upper()}_CLIENT_SECRET"


def api_url_variable(vendor: str) -> str:
    """Return the name of the variable with another URL for a vendor's API, such as a simulator's."""
    return f"AA_{vendor.upper()}_API_URL"


def variables(vendors: Sequence[str]) -> Iterator[str]:
    """Yield every variable that is read for these vendors; each can also be given as a file."""
    for vendor in vendors:
        for name in (secrets_variable(vendor), token_variable(vendor), client_secret_variable(vendor)):
            yield from (name, name + FILE_SUFFIX)
        yield from (client_id_variable(vendor), api_url_variable(vendor))
