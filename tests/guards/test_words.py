"""Retired words stay retired: in names, in prose, and in file names; the glossary says what we say instead."""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
FOLDERS = ("benchmarks", "deploy", "docs", "monitoring", "scripts", "src", "tests")
SUFFIXES = {".conf", ".html", ".js", ".md", ".py", ".sql", ".toml", ".yaml", ".yml"}
# Each with its reason: what may not be edited, and what has to spell the words.
EXEMPT = {
    "docs/explanation/decisions": "records of decisions are not rewritten",
    "docs/reference/asyncapi.yaml": "generated",
    "src/athlete_ally/adapters/postgres/migrations": "a migration is identified by its hash",
    "docs/reference/glossary.md": "says which interfaces keep a word",
    "tests/guards/test_words.py": "this guard",
}
# Names that users depend on keep a retired word.
INTERFACES = {
    r"normalize_fuse_(open|state)|aa:fuse_open:\w+": "series",
    r"AaFuseOpen": "alert",
    r"(AA_)?FUSE_(WINDOW|SHARE|CONSECUTIVE|PROBE_AFTER_S)|fuse_(window|share|consecutive|probe_after_s)": "settings",
    r"fuse-(open|probing|probe-failed|closed)|traces-trouble": "log events",
    r"advisories_reaped\w*": "series",
    r"reap-advisories-durable|REAP_ADVISORIES_DURABLE": "durable",
    r"--patience|patience_s|_PATIENCE_S": "option of import and backfill",
    r'"sealed"': "field of a stream in NATS",
    r"sealed(?= = |, expires_at| FROM)|excluded\.sealed": "column of vendor_grant",
    r'"unsettled"': "key of `erase --json`",
    r'"given_up"': "key of `simulate --json`",
    r"OTEL_TRACES_SAMPLER(_ARG)?|traces_sampler\w*|parentbased\w*|^sampler$": "OpenTelemetry's own word",
    r"`?given up`? +\d+|\| `given up` \||\"given up\"": "line of the output of simulate",
}


@dataclass(frozen=True, slots=True)
class Retired:
    """A word or phrase, and what to use instead. In names, underscores and capitals separate words."""

    pattern: str
    instead: str
    in_names: bool = True
    in_prose: bool = True


WORDS = (
    Retired(r"desks?", "dead-letter reader"),
    Retired(r"cabinets?|filing", "triage"),
    Retired(r"rehears\w*", "dry run, prediction"),
    Retired(r"hoards?", "stream reader"),
    Retired(r"specimens?", "example"),
    Retired(r"guardians?", "supervisor"),
    Retired(r"reap(s|ed|er|ers|ing)?", "advisory worker"),
    Retired(r"patience|endurance", "retry"),
    Retired(r"vaults?", "token store"),
    Retired(r"seal(s|ed|ing)?|unseal\w*", "encrypt, cipher, checksum"),
    Retired(r"samplers?", "poller"),
    Retired(r"foresight", "forecast"),
    Retired(r"judg(e|es|ed|ing|e?ments?)", "effect, risk, check"),
    Retired(r"survey(s|ed|ing)?", "inventory"),
    Retired(r"journeys?", "sent readings"),
    Retired(r"offices?", "dead-letter tools"),
    Retired(r"troubl(e|es|ed|ing)", "problem, outage, alarm"),
    Retired(r"unsettled", "unacknowledged, pending"),
    Retired(r"mend(s|ed|ing)?", "fix"),
    Retired(r"fuses?", "circuit breaker"),
    Retired(r"books", "ledger, store, reconciliation"),
    Retired(r"shelves", "states", in_names=False),
    Retired(r"whoever", "anyone who, the person who"),
    Retired(r"rooms", "packages, layers"),
    Retired(r"(?<!shake )(?<!shakes )hands", "consumer loop", in_prose=False),
    Retired(r"faces?", "vendor profile", in_prose=False),
    Retired(r"bodies of people", "synthetic people", in_prose=False),
    Retired(r"looks", "probes", in_prose=False),
    Retired(r"doors?", "authentication", in_prose=False),
    Retired(r"story|stories", "scenario", in_prose=False),
    Retired(r"lots?", "store request", in_prose=False),
    Retired(r"in hand", "unacknowledged, in progress"),
    Retired(r"(of|in) the world|the world's", "outages"),
    Retired(r"(give|gives|given|giving|gave) up", "dead-lettered at max_deliver, abandoned, stop retrying"),
    Retired(r"waited out", "retried until it is over"),
    Retired(r"(is|are|was|be) had", "is fetched"),
    Retired(r"(became|become|becomes) of (it|them|the|a|each|every|what)", "outcome of"),
    Retired(r"to be rid of", "to remove"),
    Retired(r"lets? us in", "connect"),
    Retired(r"(?:it|that|this|which|one|['`}]) is no (?!longer|more|different)\w+", "is not a", in_names=False),
    Retired(r"of somebody else's|nobody knows whom", "another's, unknown", in_names=False),
)
# They come from the program, and are right when it is.
GENERATED = re.compile(r"^<!-- generated: .*?^<!-- end of |^```text\n.*?^```", re.DOTALL | re.MULTILINE)
# A sentence that starts with Who and is no question is turned round.
WHO = re.compile(r"(?:^|(?<=[.:!?] )|(?<=\()|(?<=\| ))Who(?:ever)? \w+ [^.?|]*[.|]")


@dataclass(frozen=True, slots=True)
class Text:
    """A line's worth of text and where it stands; `is_name` for identifiers and file names."""

    place: str
    text: str
    is_name: bool


def spaced(name: str) -> str:
    """Return an identifier or a path as words: `FakeDesk`, `open_desk` and `desk.py` all have the word desk."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[^A-Za-z0-9]+", " ", parted).lower()


def without_interfaces(text: str) -> str:
    """Return a text without the names that keep a retired word."""
    return re.sub("|".join(INTERFACES), " ", text)


def found_in(text: str, *, is_name: bool) -> list[str]:
    """Return what is wrong with a text, as `word: use ... instead`."""
    text = without_interfaces(text)
    text = spaced(text) if is_name else re.sub(r"\s+", " ", text)
    wrong: list[str] = []
    for word in WORDS:
        if not (word.in_names if is_name else word.in_prose):
            continue
        if hit := re.search(rf"(?<![\w-])(?:{word.pattern})(?![\w-])", text, re.IGNORECASE):
            wrong.append(f"{hit[0]!r}: use {word.instead} instead")
    if not is_name and (hit := WHO.search(text)):
        wrong.append(f"{hit[0]!r}: turn the sentence round")
    return wrong


def texts_of_python(path: Path, place: str) -> Iterator[Text]:
    """Yield the identifiers, and the comments and strings, of a module."""
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield Text(f"{place}:{token.start[0]}", token.string, is_name=True)
        elif token.type not in {tokenize.OP, tokenize.NUMBER, tokenize.NEWLINE, tokenize.NL, tokenize.INDENT}:
            for number, line in enumerate(token.string.splitlines()):
                text = line.strip(" \"'#")
                # A string of one word may be a key or a column: its quotes tell it from prose.
                text = f'"{text}"' if token.type == tokenize.STRING and text.isidentifier() else text
                yield Text(f"{place}:{token.start[0] + number}", text, is_name=False)


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def files() -> Iterator[Path]:
    """Yield every file that we write."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "justfile"]:
        yield path
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            place = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and not any(place.startswith(exempt) for exempt in EXEMPT):
                yield path


@cache
def texts() -> tuple[Text, ...]:
    """Return everything that we write, piece by piece."""
    found: list[Text] = []
    for path in files():
        place = path.relative_to(ROOT).as_posix()
        found.append(Text(place, place, is_name=True))
        if path.suffix == ".py":
            found.extend(texts_of_python(path, place))
        else:
            lines = GENERATED.sub(_blank, path.read_text(encoding="utf-8")).splitlines()
            found.extend(Text(f"{place}:{number}", line, is_name=False) for number, line in enumerate(lines, 1))
    return tuple(found)


def test_no_retired_word_is_used() -> None:
    """
    Names, prose and file names use the words of the glossary, and no sentence is a riddle.
    """
    seen: dict[tuple[str, bool], list[str]] = {}
    wrong: dict[str, None] = {}
    for each in texts():
        key = (each.text, each.is_name)
        if key not in seen:
            seen[key] = found_in(each.text, is_name=each.is_name)
        wrong.update(dict.fromkeys(f"{each.place}: {what}" for what in seen[key]))

    assert list(wrong) == [], "\n".join(wrong)


def test_every_exemption_is_needed() -> None:
    """
    What is exempt exists.
    """
    assert [place for place in EXEMPT if not (ROOT / place).exists()] == []


def rows() -> list[tuple[str, str, str]]:
    """Return the rows of the glossary."""
    table = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    return table[2:]


def test_the_glossary_is_sorted_and_has_no_term_twice() -> None:
    """
    A reader finds a term where the alphabet has it, once.
    """
    terms = [term for term, _, _ in rows()]

    assert sorted(set(terms)) == terms


def test_every_term_of_ours_has_its_standard_one() -> None:
    """
    No row lacks what others call it, or what it means.
    """
    assert len(rows()) > 50
    assert [row for row in rows() if not all(cell.strip() for cell in row)] == []


@pytest.mark.parametrize(
    ("text", "is_name", "word"),
    [
        ("open_desk", True, "desk"),
        ("FakeVault", True, "vault"),
        ("src/athlete_ally/simulate/faces/oura.py", True, "faces"),
        ("Trouble of the network is waited out.", False, "Trouble"),
        ("the message that it has in hand", False, "in hand"),
        ("(Who has uv leaves it out.)", False, "Who has uv leaves it out."),
        ("that is no number", False, "that is no number"),
        ("normalize_fuse_open", True, None),
        ("see AaFuseOpen, and set AA_FUSE_SHARE", False, None),
        ("Who may read it?", False, None),
        ("there is no number; it is no longer there", False, None),
        ("handshake, deskew, resealable", False, None),
    ],
)
def test_the_guard_sees_a_retired_word(text: str, word: str | None, *, is_name: bool) -> None:
    """
    The guard itself sees a word in a name, in a path and in a sentence, and leaves interfaces alone.
    """
    found = [what.partition(": use")[0].partition(": turn")[0].strip("'\"") for what in found_in(text, is_name=is_name)]

    assert ([word.strip("'\"")] if word else []) == found[:1]
