"""Requests whose answers come in pages."""

from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.paging import paged


def test_each_page_is_asked_for_with_what_the_one_before_said() -> None:
    """
    The token is the last answer's; what was asked for stays; after the last page comes what is to follow.
    """
    summary = Call("/summary")
    first = paged(Call("/nights", query={"from": "a"}), lambda body: {"t": body.decode()} if body else None, summary)
    assert first.then is not None
    second = first.then(b"2")
    assert second is not None
    assert second.then is not None
    third = second.then(b"3")

    assert third is not None
    assert [each.query for each in (first, second, third)] == [
        {"from": "a"},
        {"from": "a", "t": "2"},
        {"from": "a", "t": "3"},
    ]
    assert third.then is not None
    assert summary == third.then(b"")


def test_a_form_is_filled_in() -> None:
    """
    A request with a form has the token in it.
    """
    first = paged(Call("/nights", form={"action": "list"}), lambda body: {"offset": body.decode()} if body else None)
    assert first.then is not None
    second = first.then(b"20")

    assert second is not None
    assert (second.form, second.query) == ({"action": "list", "offset": "20"}, {})
