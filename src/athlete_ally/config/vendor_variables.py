"""Names of the variables that hold vendors' secrets; they follow from the registry, like routes and subjects."""

from collections.abc import Iterator, Sequence

FILE_SUFFIX = "_FILE"


def secrets_variable(vendor: str) -> str:
    """Return the name of the variable that holds what proves a vendor's requests."""
    return f"AA_{vendor.upper()}_WEBHOOK_SECRETS"


def token_variable(vendor: str) -> str:
    """Return the name of the variable that holds what a vendor's handshake asks for."""
    return f"AA_{vendor.upper()}_WEBHOOK_TOKEN"


def variables(vendors: Sequence[str]) -> Iterator[str]:
    """Yield every variable that is read for these vendors; each can be given as a file too."""
    for vendor in vendors:
        for name in (secrets_variable(vendor), token_variable(vendor)):
            yield from (name, name + FILE_SUFFIX)
