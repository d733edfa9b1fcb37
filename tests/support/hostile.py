"""Bodies that a sender might write to stop a page: deep, wide, long, and full of odd characters."""

import json
from types import MappingProxyType

HOSTILE = MappingProxyType(
    {
        "nested-brackets": b"[" + b",".join([b"[" * 900 + b"]" * 900] * 60) + b"]",
        "no-json-of-brackets": (b"[" * 900 + b"]" * 900 + b",") * 60,
        "brackets-without-end": b"[" * 108_000,
        "many-items": b"[" + b"1," * 450_000 + b"1]",
        "many-members": b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b"}",
        "wide-and-deep": json.dumps([[[[[["x"] * 17] * 10] * 10] * 10] * 10]).encode(),
        "a-long-text": json.dumps({"readings": ["x" * 900_000]}).encode(),
        "many-readings": json.dumps({"readings": [{"rmssd": "x" * 50}] * 9_000}).encode(),
        "many-long-texts": json.dumps(["\u202e" * 1_500] * 100).encode(),
        "long-names": json.dumps({"n" * 450_000: 1, "m" * 450_000: [2]}).encode(),
        "deep-objects": b'{"a":' * 900 + b"1" + b"}" * 900,
        "odd-characters": json.dumps(["\ud800\u0000\U0001f9ea\u200f"] * 26_000).encode(),
        "quotes": json.dumps(['"' * 1_900] * 200).encode(),
        "no-text-at-all": bytes(range(256)) * 3_500,
        "a-long-number": b"9" * 900_000,
    }
)
