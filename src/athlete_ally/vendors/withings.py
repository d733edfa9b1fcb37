"""Withings: form-encoded notifications that name a category and a period.

Docs: https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-content/
"""

from urllib.parse import parse_qs

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.signature import Request, SecretPath, is_secret
from athlete_ally.core.vendor import Answer, Resource, Secrets, Unpacked, Vendor, Webhook

_CONTENT = "https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-content/"
_SUBSCRIBE = "https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/"
_GONE = {"delete", "unlink"}
_MOST_FIELDS = 50


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification; `action` tells of a person who unlinked or deleted the account."""
    fields = _fields(webhook.body)
    account, category = fields.get("userid", ""), fields.get("appli", "")
    if not account or not category:
        raise InvalidMessage("userid and appli: both needed")
    if fields.get("action") in _GONE:
        return Unpacked(withdrawn=(account,))
    span = f"{fields.get('startdate', '')}/{fields.get('enddate', '')}/{fields.get('date', '')}"
    return Unpacked(resources=(Resource(account, category, span),))


def _fields(body: bytes) -> dict[str, str]:
    try:
        parsed = parse_qs(body.decode(), strict_parsing=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidMessage("the body is not form-encoded") from error
    return {name: values[0] for name, values in parsed.items()}


# "Withings sends a HEAD request to verify your URL is reachable": 2xx is wanted.
# https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Answer a probe at the secret address."""
    if request.method not in {"HEAD", "GET"}:
        return None
    return Answer(200 if is_secret(request.path_secret, secrets.signing) else 404)


WITHINGS = Vendor(
    name="withings",
    title="Withings",
    # Nothing in the documentation speaks of a signature: what protects the address is that only Withings knows it.
    # https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/
    signature=SecretPath(),
    unpack=unpack,
    carries="ids",
    sources=(_CONTENT, _SUBSCRIBE),
    unconfirmed=("that notifications are not signed: no page says so either way; how long Withings waits",),
    handshake=handshake,
    shakes_hands="HEAD or GET at the secret address: 200",
    repeats_are_news=True,
)
