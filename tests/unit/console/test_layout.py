"""What every request meets: guard, session, role, form token."""

import itertools
from collections.abc import AsyncGenerator

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response

from athlete_ally.adapters.logs import build_log
from athlete_ally.console.access import Attempts, Sessions, TokenAuthentication
from athlete_ally.console.app import build_app
from athlete_ally.console.layout import PageLayout, Visit, build_templates
from athlete_ally.core.client_key import digest
from athlete_ally.core.errors import Unavailable

BASE = "http://127.0.0.1:4180"
OWN = {"origin": BASE}


def build_shell() -> PageLayout:
    """Return a shell with an operator and a viewer."""
    numbers = itertools.count()
    return PageLayout(
        authentication=TokenAuthentication(lambda: {digest("aak_op"): "ada"}, lambda: {digest("aak_view"): "vic"}),
        sessions=Sessions(lambda: 0.0, lambda: f"chance-{next(numbers)}"),
        attempts=Attempts(lambda: 0.0),
        templates=build_templates(),
        navigation=(),
        environment="dev",
        log=build_log("test", level="error", form="json"),
    )


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    """Give a client of a console with one page, one act and one page that fails."""
    layout = build_shell()

    async def look(visit: Visit) -> Response:
        return PlainTextResponse(f"{visit.session.person.name} {visit.session.form_token}")

    async def change(visit: Visit) -> Response:
        return PlainTextResponse(f"done by {visit.session.person.name}")

    async def fail(_: Visit) -> Response:
        raise Unavailable("PostgreSQL can't be reached: <b>boo</b>")

    app = build_app(
        layout, [layout.page("/", look), layout.act("/change", change), layout.page("/fail", fail)], names={"127.0.0.1"}
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


async def enter(client: httpx.AsyncClient, token: str) -> str:
    """Log in and return the form token."""
    answer = await client.post("/log-in", data={"token": token}, headers=OWN)
    assert answer.status_code == 303, answer.text
    return (await client.get("/")).text.split()[1]


async def test_nobody_sees_a_page_without_logging_in(client: httpx.AsyncClient) -> None:
    """
    Without a session a page leads to the log-in, and an act is refused.
    """
    page = await client.get("/")
    act = await client.post("/change", headers=OWN)

    assert (page.status_code, page.headers["location"]) == (303, "/log-in?to=%2F")
    assert act.status_code == 401


async def test_an_operator_may_change_and_a_viewer_may_not(client: httpx.AsyncClient) -> None:
    """
    The same form works for an operator and is refused to a viewer.
    """
    for token, status in (("aak_op", 200), ("aak_view", 403)):
        client.cookies.clear()
        form_token = await enter(client, token)
        answer = await client.post("/change", data={"form_token": form_token}, headers=OWN)

        assert status == answer.status_code


async def test_a_form_of_another_site_does_nothing(client: httpx.AsyncClient) -> None:
    """
    A wrong form token, a foreign origin, no origin at all and a foreign fetch site are all refused.
    """
    form_token = await enter(client, "aak_op")
    right = {"form_token": form_token}
    answers = [
        await client.post("/change", data={"form_token": "guess"}, headers=OWN),
        await client.post("/change", data=right, headers={"origin": "http://evil.example"}),
        await client.post("/change", data=right, headers={"origin": "null"}),
        await client.post("/change", data=right),
        await client.post("/change", data=right, headers={**OWN, "sec-fetch-site": "same-site"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:4180", "", "[", "localhost:4180"])
async def test_a_name_that_is_not_ours_gets_nothing(client: httpx.AsyncClient, host: str) -> None:
    """
    A stranger's name that points at this machine (DNS rebinding) is refused before any page.
    """
    assert (await client.get("/", headers={"host": host})).status_code == 421


async def test_the_cookie_and_the_headers_are_strict(client: httpx.AsyncClient) -> None:
    """
    The cookie is out of reach for scripts and other sites; the policy allows no inline code and no frame.
    """
    answer = await client.post("/log-in", data={"token": "aak_op"}, headers=OWN)
    cookie, policy = answer.headers["set-cookie"], answer.headers["content-security-policy"]

    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"


async def test_guessing_tokens_is_slowed_down(client: httpx.AsyncClient) -> None:
    """
    After five wrong tokens the address has to wait, even with a right one.
    """
    wrong = [await client.post("/log-in", data={"token": "aak_x"}, headers=OWN) for _ in range(5)]
    right = await client.post("/log-in", data={"token": "aak_op"}, headers=OWN)

    assert [answer.status_code for answer in wrong] == [401] * 5
    assert right.status_code == 429


async def test_a_large_form_is_refused_unread(client: httpx.AsyncClient) -> None:
    """
    A form above the limit, or without a stated size, is refused before its body is read.
    """

    async def pieces() -> AsyncGenerator[bytes]:
        yield b"token=x"

    large = await client.post("/log-in", content=b"x" * 70_000, headers=OWN)
    unknown = await client.post("/log-in", content=pieces(), headers=OWN)

    assert [large.status_code, unknown.status_code] == [413, 413]


async def test_what_can_not_be_reached_is_said_and_escaped(client: httpx.AsyncClient) -> None:
    """
    A page whose server is away is a 503 that says so, with its text escaped.
    """
    await enter(client, "aak_view")
    answer = await client.get("/fail")

    assert answer.status_code == 503
    assert "&lt;b&gt;boo&lt;/b&gt;" in answer.text


async def test_logging_out_ends_the_session(client: httpx.AsyncClient) -> None:
    """
    After a log-out the cookie is worth nothing, wherever it was copied to.
    """
    form_token = await enter(client, "aak_view")
    cookies = dict(client.cookies)
    await client.post("/log-out", data={"form_token": form_token}, headers=OWN)
    client.cookies.update(cookies)

    assert (await client.get("/")).status_code == 303


async def test_the_log_in_leads_to_the_page_that_was_asked_for(client: httpx.AsyncClient) -> None:
    """
    A link to a page with its filters leads there after the log-in, also after a wrong token.
    """
    asked = await client.get("/fail?page=2&sort=age")
    form = await client.get(asked.headers["location"])
    wrong = await client.post("/log-in", data={"token": "aak_x", "to": "/fail?page=2&sort=age"}, headers=OWN)
    right = await client.post("/log-in", data={"token": "aak_op", "to": "/fail?page=2&sort=age"}, headers=OWN)

    assert ['value="/fail?page=2&amp;sort=age"' in each.text for each in (form, wrong)] == [True, True]
    assert (right.status_code, right.headers["location"]) == (303, "/fail?page=2&sort=age")


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", "", "/log-out"],
)
async def test_the_log_in_leads_to_no_other_host(client: httpx.AsyncClient, elsewhere: str) -> None:
    """
    What is no page of the console is the first page.
    """
    answer = await client.post("/log-in", data={"token": "aak_op", "to": elsewhere}, headers=OWN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
