"""From a body to its readings, still undecoded: one reading, an array, or a line each."""

from http import HTTPStatus

import msgspec

from athlete_ally.ingest.refusal import Refusal

_JSON = "application/json"
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")


def split_body(body: bytes, content_type: str) -> list[msgspec.Raw]:
    """Return the readings of a body.

    Raises:
        Refusal: 415 unknown media type, 400 not UTF-8 or not JSON.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (_JSON, *_LINES):
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type {media_type or 'none'!r} is not understood; use {_JSON} or {_LINES[0]}",
        )
    try:
        body.decode()
        return _lines(body) if media_type in _LINES else _json(body)
    except UnicodeDecodeError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body is nested too deeply") from error
    except msgspec.DecodeError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error


def _json(body: bytes) -> list[msgspec.Raw]:
    if body.lstrip()[:1] == b"[":
        return msgspec.json.decode(body, type=list[msgspec.Raw])
    return [msgspec.json.decode(body, type=msgspec.Raw)]


def _lines(body: bytes) -> list[msgspec.Raw]:
    return msgspec.json.Decoder(msgspec.Raw).decode_lines(body)
