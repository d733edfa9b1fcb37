"""The commands that say whose accounts are whose, and that let people connect, on a real database."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.commands import Outcome, in_process

from athlete_ally.adapters.encryption.tokens import TokenCipher, new_token_key
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.cli.exits import Exit
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.grant import Granted, Tokens
from athlete_ally.core.vendor.webhook_store import Account

RunCommand = Callable[..., Awaitable[Outcome]]
KEY, NEXT_KEY = new_token_key(), new_token_key()
NOBODY = "postgresql://postgres@127.0.0.1:1/athlete_ally"
GRANTED = Granted("oura", "person-1", "ada", Tokens("an-access", "a-refresh", datetime(2026, 11, 24, tzinfo=UTC)), ())


@pytest.fixture
def command(database_url: str) -> RunCommand:
    """Run commands on the database of the test; a variable can be given beside the arguments."""

    async def run(*arguments: str, **environment: str) -> Outcome:
        known = {"DATABASE_URL": database_url, "AA_TOKEN_KEY": KEY, **environment}
        return await asyncio.to_thread(in_process, known, *arguments)

    return run


@pytest.fixture
def webhook_store(pool: Any) -> PostgresWebhookStore:
    """Look into the database of the test."""
    return PostgresWebhookStore(pool)


async def test_an_account_is_linked_moved_listed_and_removed(
    command: RunCommand, webhook_store: PostgresWebhookStore
) -> None:
    """
    What is said of accounts is what the database has, and each command says what it did.
    """
    linked = await command("accounts", "add", "terra", "their-1", "ada")
    assert (linked.code, linked.out.startswith("1 account linked; dead letters with the reason")) == (
        0,
        True,
    )
    await command("accounts", "add", "terra", "their-1", "eve")
    await command("accounts", "add", "garmin", "their-1", "ada")

    assert [Account("garmin", "their-1", "ada"), Account("terra", "their-1", "eve")] == await webhook_store.linked(None)
    assert (await command("accounts", "list")).out == "garmin  their-1  ada\nterra  their-1  eve\n"
    assert (await command("accounts", "list", "--vendor", "terra")).out == "terra  their-1  eve\n"
    removed = await command("accounts", "remove", "terra", "their-1")
    assert (removed.code, removed.out) == (0, "1 account removed\n")
    assert [Account("garmin", "their-1", "ada")] == await webhook_store.linked(None)


async def test_an_account_belongs_to_the_person_who_connected_it(
    command: RunCommand, webhook_store: PostgresWebhookStore, pool: Any
) -> None:
    """
    Data in the webhooks of a vendor whose API is asked, too, is the connected person's; what is linked by hand stands
    above that.
    """
    await PostgresTokenStore(pool, TokenCipher(KEY)).keep(GRANTED)
    assert await webhook_store.people("oura", ["person-1", "person-2"]) == {"person-1": "ada"}
    assert await webhook_store.people("whoop", ["person-1"]) == {}

    await command("accounts", "add", "oura", "person-1", "eve")
    assert await webhook_store.people("oura", ["person-1"]) == {"person-1": "eve"}


async def test_a_machine_reads_the_same(command: RunCommand) -> None:
    """
    With --json each command prints one document and nothing else, and the exit code is the same.
    """
    added = await command("accounts", "add", "terra", "their-1", "ada", "--json")
    listed = await command("accounts", "list", "--json")
    removed = [await command("accounts", "remove", "terra", "their-1", "--json") for _ in range(2)]
    empty = await command("accounts", "list", "--json")

    assert (added.code, added.document) == (0, {"linked": 1})
    assert listed.document == {"accounts": [{"vendor": "terra", "account": "their-1", "user_id": "ada"}]}
    assert [(each.code, each.document) for each in removed] == [(0, {"removed": 1}), (2, {"removed": 0})]
    assert (empty.code, empty.document) == (0, {"accounts": []})


async def test_what_is_not_there_is_said(command: RunCommand) -> None:
    """
    Removing what is not linked is a finding; an empty list says that it is empty, where it is in nobody's way.
    """
    removed, listed = await command("accounts", "remove", "terra", "their-1"), await command("accounts", "list")

    assert (removed.code, removed.out, removed.err) == (Exit.FINDINGS, "", "this account is not linked\n")
    assert (listed.code, listed.out, listed.err) == (Exit.AS_DESIRED, "", "no account is linked\n")


async def test_a_vendor_has_to_be_known(command: RunCommand, webhook_store: PostgresWebhookStore) -> None:
    """
    A misspelt vendor is refused with the nearest name, since nothing would ever arrive for it; a configured sender is
    known.
    """
    refused = await command("accounts", "add", "tera", "their-1", "ada")
    assert (refused.code, "'tera'" in refused.err, "did you mean terra?" in refused.err) == (1, True, True)
    assert (await command("accounts", "add", "clinic", "their-1", "ada")).code == Exit.ERROR
    assert await webhook_store.linked(None) == []

    assert (await command("accounts", "add", "clinic", "their-1", "ada", AA_WEBHOOK_SENDERS="clinic")).code == 0


@pytest.mark.parametrize("bad", ["", "x" * 129, "a\nb", "a\x00b"])
async def test_an_id_that_no_reading_could_have_is_refused(
    command: RunCommand, webhook_store: PostgresWebhookStore, bad: str
) -> None:
    """
    An id that is empty, too long or holds control characters is refused for account and person, before anything is
    changed.
    """
    for account, user in ((bad, "ada"), ("their-1", bad)):
        outcome = await command("accounts", "add", "terra", account, user)
        assert (outcome.code, "no control characters" in outcome.err) == (2, True)
    assert (await command("connect", "link", "oura", "--user", bad)).code == 2
    assert await webhook_store.linked(None) == []


async def test_a_file_links_all_or_none(
    command: RunCommand, webhook_store: PostgresWebhookStore, tmp_path: Path
) -> None:
    """
    A file with a mark of its encoding, Windows line ends, empty lines and a line twice links everybody, and again
    without harm.
    """
    path = tmp_path / "accounts.csv"
    path.write_bytes(
        b'\xef\xbb\xbfvendor,account,user_id\r\nterra,their-1,ada\r\n\r\ngarmin,"their,2",Zo\xc3\xab\r\nterra,their-1,ada\r\n'
    )
    first, again = (
        await command("accounts", "import", str(path)),
        await command("accounts", "import", str(path), "--json"),
    )

    assert (first.code, first.out.startswith("2 accounts linked")) == (0, True)
    assert (again.code, again.document) == (0, {"linked": 2})
    assert [Account("garmin", "their,2", "Zoë"), Account("terra", "their-1", "ada")] == await webhook_store.linked(None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the first line must be vendor,account,user_id"),
        (b"account,vendor,user_id\nterra,their-1,ada\n", "the first line must be vendor,account,user_id"),
        (b"vendor,account,user_id\nterra,their-1,ada\nterra,their-2,\n", "line 3: account and user_id are required"),
        (b"vendor,account,user_id\nterra,their-1\n", "line 2: expected only vendor, account, user_id"),
        (b"vendor,account,user_id\nterra,their-1,ada,more\n", "line 2: expected only vendor, account, user_id"),
        (b"vendor,account,user_id\ntera,their-1,ada\n", "line 2: 'tera' is neither a supported vendor"),
        (
            b"vendor,account,user_id\nterra,their-1,ada\nterra,their-1,eve\n",
            "line 3: line 2 links this account",
        ),
        (b"vendor,account,user_id\nterra,their-1,\xe9milie\n", "not a CSV file in UTF-8 (UnicodeDecodeError)"),
        (b'vendor,account,user_id\nterra,"their-1,ada\n', "not a CSV file in UTF-8 (Error)"),
        (b"PK\x03\x04\x00\x00" + b"\x00" * 200_000, "not a CSV file in UTF-8"),
    ],
    ids=["empty", "columns", "no person", "too few", "too many", "vendor", "two people", "latin-1", "quote", "binary"],
)
async def test_a_file_that_can_not_be_used_is_named_and_links_nobody(
    command: RunCommand, webhook_store: PostgresWebhookStore, tmp_path: Path, content: bytes, says: str
) -> None:
    """
    One line with file, line and what is wrong, without anybody's id; nothing of the file is in the database.
    """
    path = tmp_path / "accounts.csv"
    path.write_bytes(content)
    outcome = await command("accounts", "import", str(path))

    assert (outcome.code, outcome.out) == (Exit.ERROR, "")
    assert (says in outcome.err, str(path) in outcome.err, "their-" in outcome.err) == (True, True, False), outcome.err
    assert await webhook_store.linked(None) == []


async def test_a_database_that_is_not_there_is_an_error(command: RunCommand, tmp_path: Path) -> None:
    """
    Every command that needs the database ends with 1 and one line, and so does a file of settings that is missing.
    """
    path = tmp_path / "accounts.csv"
    path.write_text("vendor,account,user_id\nterra,their-1,ada\n", encoding="utf-8")
    for arguments in (
        ("accounts", "add", "terra", "their-1", "ada"),
        ("accounts", "import", str(path)),
        ("accounts", "list"),
        ("accounts", "remove", "terra", "their-1"),
        ("connect", "rekey"),
    ):
        outcome = await command(*arguments, DATABASE_URL=NOBODY)
        assert (outcome.code, outcome.err.count("\n"), "PostgreSQL" in outcome.err) == (Exit.ERROR, 1, True)

        missing = await command(*arguments, "--env-file", str(tmp_path / "missing.env"))
        assert (missing.code, "the settings file does not exist" in missing.err) == (Exit.ERROR, True)


async def test_a_link_is_for_one_person_and_vendor(command: RunCommand) -> None:
    """
    It leads to fetch, says nothing about the person, and is another one each time; --json says whose it is.
    """
    plain = await command("connect", "link", "oura", "--user", "ada", AA_CONNECT_URL="https://example.org")
    document = (await command("connect", "link", "oura", "--user", "ada", "--json")).document

    assert re.fullmatch(r"https://example\.org/connect/oura\?ticket=\S+\n", plain.out)
    assert ("oura", "ada", {"vendor", "user", "url"}) == (document["vendor"], document["user"], set(document))
    tickets = [parse_qs(urlsplit(url.strip()).query)["ticket"][0] for url in (plain.out, document["url"])]
    assert (len(set(tickets)), any("ada" in ticket for ticket in tickets)) == (2, False)


async def test_a_link_needs_a_key_a_vendor_and_a_person(command: RunCommand) -> None:
    """
    A vendor that is never asked has no link; without a key, or with something that is none, nothing is made.
    """
    assert (await command("connect", "link", "terra", "--user", "ada")).code == 2
    assert (await command("connect", "link", "oura")).code == 2
    for key, says in (("", "AA_TOKEN_KEY or AA_TOKEN_KEY_FILE"), ("not-a-key", "AA_TOKEN_KEY: not a key")):
        outcome = await command("connect", "link", "oura", "--user", "ada", AA_TOKEN_KEY=key)
        assert (outcome.code, outcome.out, says in outcome.err) == (Exit.ERROR, "", True)


async def test_a_key_is_replaced(command: RunCommand, pool: Any) -> None:
    """
    With the new key in front everything is encrypted with it, twice without harm; the old one can then go.
    """
    await PostgresTokenStore(pool, TokenCipher(KEY)).keep(GRANTED)
    first = await command("connect", "rekey", AA_TOKEN_KEY=f"{NEXT_KEY},{KEY}")
    again = await command("connect", "rekey", "--json", AA_TOKEN_KEY=NEXT_KEY)

    assert (first.code, first.out) == (0, "encrypted 1 grant with the first key\n")
    assert (again.code, again.document) == (0, {"grants": 1})
    found = await PostgresTokenStore(pool, TokenCipher(NEXT_KEY)).find("oura", "person-1")
    assert found is not None
    assert found.granted == GRANTED


async def test_a_wrong_key_changes_nothing(command: RunCommand, pool: Any) -> None:
    """
    Where one grant can't be opened, none is changed: exit code 1, the remedy, and no key in the text.
    """
    token_store = PostgresTokenStore(pool, TokenCipher(KEY))
    await token_store.keep(GRANTED)
    await PostgresTokenStore(pool, TokenCipher(NEXT_KEY)).keep(Granted("oura", "person-2", "eve", GRANTED.tokens, ()))
    outcome = await command("connect", "rekey", AA_TOKEN_KEY=KEY)

    assert (outcome.code, outcome.out) == (Exit.ERROR, "")
    assert ("none of its keys opens" in outcome.err, KEY in outcome.err) == (True, False)
    found = await token_store.find("oura", "person-1")
    assert found is not None
    assert found.granted == GRANTED
    with pytest.raises(Misconfigured):
        await token_store.find("oura", "person-2")


async def test_a_key_is_made_by_us(command: RunCommand, tmp_path: Path, pool: Any) -> None:
    """
    The file that `keys token` writes serves as AA_TOKEN_KEY_FILE; beside AA_TOKEN_KEY it is one key too many.
    """
    path = tmp_path / "token.key"
    assert (await command("keys", "token", "--out", str(path))).code == 0
    await PostgresTokenStore(pool, TokenCipher(path.read_text(encoding="utf-8"))).keep(GRANTED)

    outcome = await command("connect", "rekey", "--json", AA_TOKEN_KEY="", AA_TOKEN_KEY_FILE=str(path))
    assert outcome.document == {"grants": 1}
    both = await command("connect", "rekey", AA_TOKEN_KEY_FILE=str(path))
    assert (both.code, "are both set" in both.err) == (Exit.ERROR, True)
