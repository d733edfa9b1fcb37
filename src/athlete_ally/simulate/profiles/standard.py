"""Any sender that speaks Standard Webhooks: readings of our own shape, in the webhook.

Spec: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from datetime import date

from athlete_ally.simulate.synthetic_people import night
from athlete_ally.simulate.vendor_profile import Headers, VendorProfile, to_json


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    slept = night(account, day)
    common = {"userId": account, "date": day.isoformat(), "capturedAt": slept.end.isoformat(), "context": "overnight"}
    hrv = {**common, "rmssd": slept.rmssd_ms}
    sleep = {
        **common,
        "start": slept.start.isoformat(),
        "end": slept.end.isoformat(),
        "durationMinutes": slept.asleep_s / 60,
    }
    return to_json({"type": "hrv", "data": [hrv]}), to_json({"type": "sleep", "data": sleep})


def _sign(secret: str, body: bytes, at_s: int) -> Headers:
    # The id of a delivery is the same over all its attempts: here it follows from what is delivered.
    name = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": f"{at_s}",
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


STANDARD = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    # The example schedule of the spec's section on retries, up to ten hours.
    waits_s=(5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0),
)
