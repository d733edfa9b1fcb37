"""Identity by content."""

import re

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.messages.identity import derived_id, fingerprint, message_id


@given(st.text(st.characters(codec="utf-8")), st.binary(max_size=100))
def test_an_id_is_a_short_word(subject: str, body: bytes) -> None:
    """
    32 lower-case hex digits whatever the content, the same every time.
    """
    assert re.fullmatch("[0-9a-f]{32}", message_id(subject, body))
    assert message_id(subject, body) == message_id(subject, body)


def test_an_id_never_changes() -> None:
    """
    An id from another day or process is recognised: this one was written down.
    """
    assert message_id("athlete-ally.hrv.raw-received", b'{"readings":[]}') == "0f7aa6b52dfdf3dc9161c7233803df5e"


def test_the_subject_belongs_to_the_content() -> None:
    """
    The same body on another subject is another message.
    """
    assert message_id("a", b"x") != message_id("b", b"x")


def test_a_derived_id_says_what_it_follows_from() -> None:
    """
    Its parts are legible, and each of them makes a difference.
    """
    assert derived_id("dlq", "m9", 4, "max-deliver") == "dlq-m9-4-max-deliver"
    assert len({derived_id("dlq", "m9", 4), derived_id("dlq", "m9", 5), derived_id("stored", "m9", 4)}) == 3


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f")), min_size=1, max_size=4))
def test_a_fingerprint_keeps_its_parts_apart(parts: list[str]) -> None:
    """
    12 hex digits; joining two parts gives another fingerprint.
    """
    assert re.fullmatch("[0-9a-f]{12}", fingerprint(*parts))
    assert len(parts) == 1 or fingerprint(*parts) != fingerprint("".join(parts))
