"""The sender of a message, as its header names it."""

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.messages.headers import SENDER
from athlete_ally.core.messages.sender import UNKNOWN, key_sender, sender_of, vendor_sender


@given(st.text(max_size=300))
def test_any_name_of_a_key_can_travel(name: str) -> None:
    """
    Whatever a key is called, its sender is one line of ASCII that is read back as it was written.
    """
    sender = key_sender(name)

    assert sender == sender_of({SENDER: sender})
    assert sender.isascii()
    assert sender.isprintable()


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=10))
def test_a_short_name_is_kept_in_full(name: str) -> None:
    """
    The name can be told from the sender again.
    """
    assert name == unquote(key_sender(name).removeprefix("key:"))


def test_what_names_nobody_is_unknown() -> None:
    """
    No header, another form, or a value that no header of ours has: unknown. A vendor is known by its name.
    """
    stated = [{}, {SENDER: ""}, {SENDER: "anna"}, {SENDER: "key:"}, {SENDER: "key:" + "x" * 129}, {SENDER: "key:\n"}]

    assert {UNKNOWN} == {sender_of(each) for each in stated}
    assert sender_of({SENDER: vendor_sender("whoop")}) == "vendor:whoop"
