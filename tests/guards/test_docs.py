"""The docs speak of what exists: links, paths, tests, commands and their options."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import mistake_in, our_commands

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md"))
)
# They walk through adding something that is not there.
OF_WHAT_MAY_BE = re.compile(r"docs/how-to/add-a-")
TESTS = set(
    re.findall(
        r"def (test_\w+)", "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    )
)
ROOM = r"\.ci|\.github|benchmarks|deploy|docs|monitoring|scripts|src|tests"
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def read(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", read(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def inline_code(page: str) -> list[str]:
    """Return everything between single backticks."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def shell_lines(page: str) -> Iterator[str]:
    """Yield every command line of a page: those of fenced shell blocks, and inline code."""
    for language, block in FENCE.findall(read(page)):
        if language in {"sh", "bash", "console"}:
            yield from block.replace("\\\n", " ").splitlines()
    yield from inline_code(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """
    Each relative link names a file or folder of the project, and a heading of it where it has an anchor.
    """
    broken: list[str] = []
    for pair in LINK.findall(prose(page)):
        target = pair[0] or pair[1]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if not OF_WHAT_MAY_BE.match(page)])
def test_every_path_exists(page: str) -> None:
    """
    What looks like a path into the project is one.
    """
    paths = {word for code in inline_code(page) for word in re.findall(rf"(?:^|\s)((?:{ROOM})/[\w./*{{}}-]+)", code)}
    patterns = {path: re.sub(r"\{[^}]*\}", "*", path) for path in paths}

    assert sorted(path for path, pattern in patterns.items() if not [*ROOT.glob(pattern.rstrip("/"))]) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page: str) -> None:
    """
    A proof that the docs name can be run.
    """
    named = {code for code in inline_code(page) if re.fullmatch(r"test_\w+", code)}

    assert named - TESTS == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    """
    Commands of ours are there, with the options that the page gives them.
    """
    mistakes = [mistake_in(words) for line in shell_lines(page) for words in our_commands(line)]

    assert [mistake for mistake in mistakes if mistake] == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_left_to_be_written(page: str) -> None:
    """
    No page has a placeholder for what somebody meant to write later.
    """
    assert re.findall(r"\b(?:TODO|TBD|FIXME|TO COME|Lorem)\b", read(page)) == []


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("uv run athlete-ally demo --json", None),
        ("athlete-ally streams plan && athlete-ally migrate --plan", None),
        ("athlete-ally COMMAND --whatever", None),
        ("athlete-ally strems plan", "no such command: athlete-ally strems plan"),
        ("uv run athlete-ally demo --jsn", "no such option: athlete-ally demo --jsn"),
        ("athlete-ally migrate && athlete-ally streams aply --yes", "no such command: athlete-ally streams aply --yes"),
    ],
)
def test_a_wrong_command_is_seen(line: str, mistake: str | None) -> None:
    """
    The guard itself sees a misspelt command, and a misspelt option.
    """
    assert [mistake] == [found for words in our_commands(line) if (found := mistake_in(words)) or len(words)][-1:]
