"""What a sender wrote never makes a page too large, and all of it can be downloaded."""

import re

import httpx
import pytest
from support.here import Here
from support.hostile import HOSTILE
from support.letters import Bench
from support.services import Site

MOST_BYTES = 1_500_000


@pytest.fixture
def bench(site: Site) -> Bench:
    """Write letters as workers do."""
    return Bench(site.connection, site.pool, site.environment)


async def test_pages_of_hostile_letters_are_bounded(here: Here, bench: Bench) -> None:
    """
    Masked, revealed and in lists, on a page and on a terminal: bounded; the download is the body, byte for byte.
    """
    for body in HOSTILE.values():
        await bench.write(body=body, AA_Original_Nats_Msg_Id="x" * 20_000, X_Odd="\u202e'\"<" * 2_000)
    (console,) = await here.start("console")
    async with httpx.AsyncClient(trust_env=False, base_url=console, timeout=60, headers={"Origin": console}) as client:
        pages = {("list", ""): await client.get("/letters")}
        for number, (name, body) in enumerate(HOSTILE.items(), 1):
            pages[name, "masked"] = masked = await client.get(f"/letters/{number}")
            token = re.search(r'name="form_token" value="([^"]+)"', masked.text)
            form = {"form_token": token[1] if token else ""}
            pages[name, "revealed"] = await client.post(f"/letters/{number}/reveal", data=form)
            download = await client.post(f"/letters/{number}/download", data=form)
            assert (name, body, "attachment") == (
                name,
                download.content,
                download.headers["content-disposition"].partition(";")[0],
            )

    assert {200} == {page.status_code for page in pages.values()}
    assert {name: len(page.content) for name, page in pages.items() if len(page.content) > MOST_BYTES} == {}
    for number in range(1, 1 + len(HOSTILE)):
        said = await bench.run("show", str(number), "--reveal")
        assert (said.code, len(said.out) < MOST_BYTES) == (0, True)
