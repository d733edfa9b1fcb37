"""Google Health API: notifications that name a type of data and an interval.

Docs: https://developers.google.com/health/webhooks
"""

from datetime import date

from athlete_ally.simulate.body import night
from athlete_ally.simulate.face import Face, Headers, Shake, to_json


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    slept = night(account, day)
    times = {"startTime": slept.start.isoformat(), "endTime": slept.end.isoformat()}
    data = {
        "healthUserId": account,
        "dataType": "sleep",
        "operation": "UPSERT",
        "intervals": [{"physicalTimeInterval": times}],
    }
    return (to_json({"data": data}),)


# https://developers.google.com/health/reference/rest/v4/projects.subscribers
def _sign(secret: str, _body: bytes, _at_s: int) -> Headers:
    return {"authorization": secret}


# https://developers.google.com/health/reference/rest/v4/projects.subscribers/create
def _handshake(secret: str, _token: str) -> tuple[Shake, ...]:
    probe = to_json({"type": "verification"})
    return Shake("POST", 201, headers={"authorization": secret}, body=probe), Shake("POST", 401, body=probe)


GOOGLE_HEALTH = Face(deliveries=_deliveries, sign=_sign, handshake=_handshake)
