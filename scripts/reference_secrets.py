"""The variables that hold vendors' secrets."""

from collections.abc import Iterator

from reference_markdown import code, table

from athlete_ally.config.vendor_variables import (
    api_url_variable,
    client_id_variable,
    client_secret_variable,
    secrets_variable,
    token_variable,
)
from athlete_ally.core.vendor.signature import Hmac, SecretPath, SharedHeader, Signature
from athlete_ally.vendors import PLUGINS, generic

_SENDER = "SENDER"
_SEVERAL = "several are valid at once, separated by commas."


def variables_table() -> str:
    """Return a row for each variable."""
    return table(("variable", "meaning"), [(code(name), says) for name, says in vendor_variables()])


def vendor_variables() -> Iterator[tuple[str, str]]:
    """Yield each variable and what it holds."""
    for vendor in (*PLUGINS, generic(_SENDER)):
        name = secrets_variable(vendor.name).replace(_SENDER, f"{{{_SENDER}}}")
        yield name, f"{vendor.title}: {_what_it_holds(vendor.signature)}; {_SEVERAL}"
        if vendor.asks_for_token:
            yield token_variable(vendor.name), f"{vendor.title}: what its handshake asks for; {_SEVERAL}"
        if vendor.api is not None:
            yield client_id_variable(vendor.name), f"{vendor.title}: id of your application, for `fetch`."
            yield client_secret_variable(vendor.name), f"{vendor.title}: secret of your application, for `fetch`."
            yield api_url_variable(vendor.name), f"{vendor.title}: another address for its API, as a simulator's."


def _what_it_holds(signature: Signature) -> str:
    match signature:
        case Hmac():
            return "secrets that its signatures are made with"
        case SharedHeader():
            return f"whole values of {signature.header} that prove it"
        case SecretPath():
            return "last parts of its address, 16 to 128 letters, digits, - or _"
