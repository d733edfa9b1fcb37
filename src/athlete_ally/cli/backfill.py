"""`backfill`: publish a person's past data at a vendor to the stream."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.interrupt import until_stopped
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option, label
from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import Misconfigured, Withdrawn
from athlete_ally.core.vendor.history import Portion, Window, latest_day
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.fetch.backfill import Plan, Tally
from athlete_ally.vendors import PLUGINS
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.backfill import Waits, Wanted, backfill_session
from athlete_ally.wiring.services.event_loop import run

# Shorter waits are normal and not worth a line.
_WORTH_TELLING_S = 5.0
_EARLIEST = date(2000, 1, 1)


@dataclass(slots=True)
class _Person:
    """The plan for one person, and its outcome."""

    plan: Plan
    tally: Tally = field(default_factory=Tally)
    withdrawn: str = ""

    @property
    def user(self) -> str:
        """Our id of the person."""
        return self.plan.grant.granted.user_id


def _labels(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(label(context, parameter, value) for value in values)


@click.command()
@click.argument("vendor")
@click.option(
    "--user",
    "users",
    multiple=True,
    callback=_labels,
    help="The person, as in readings (userId); may be repeated.",
)
@click.option("--all-connected", is_flag=True, help="Everyone with an active permission at VENDOR, instead of --user.")
@click.option("--from", "first", required=True, metavar="DATE", help="First day (included), as 2026-01-31.")
@click.option("--to", "last", required=True, metavar="DATE", help="Last day (included).")
@click.option("--dry-run", is_flag=True, help="Send no requests; print what would be requested.")
@click.option("--again", is_flag=True, help="Request again what an earlier run fetched; nothing is stored twice.")
@click.option(
    "--patience",
    "patience_s",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for an unavailable vendor, stream or database; waits for rate limits do not count.",
)
@env_file_option
@json_option
def backfill(  # noqa: PLR0913  # one for each option
    *,
    vendor: str,
    users: tuple[str, ...],
    all_connected: bool,
    first: str,
    last: str,
    dry_run: bool,
    again: bool,
    patience_s: float,
    env_file: Path | None,
    as_json: bool,
) -> None:
    """Back-fill people's past data: fetch the days from --from to --to from VENDOR and publish them. (changing)

    The data is unpacked and stored as that of fetch, the most recent days first. A run that is repeated resumes: a
    window is recorded once the stream holds its answers. Leaves the last quarter of the vendor's rate limit to live
    notifications, and waits when the rest is used up.

    Needs the settings of fetch: NATS_URL, DATABASE_URL, AA_TOKEN_KEY (or its file), AA_VENDOR_CLIENT_ID
    and _SECRET. Each person must have connected an account (`athlete-ally connect link`).

    Exit code 2 when some windows could not be fetched, 3 when a permission is withdrawn or missing, 1 when the vendor,
    NATS or PostgreSQL is unavailable for too long.
    """
    if all_connected == bool(users):
        raise Misconfigured("give either --user or --all-connected")
    settings = load_settings(env_file)
    plugin = _plugin(vendor)
    wanted = Wanted(plugin, list(dict.fromkeys(users)), _window(first, last), again, patience_s, env_file)
    people: list[_Person] = []
    with _progress(show=not as_json) as bars:

        async def work() -> None:
            async with backfill_session(settings, wanted, bars.waits) as (filler, plans):
                people.extend(map(_Person, plans))
                for person in [] if dry_run else people:
                    try:
                        await filler.carry_out(person.plan, person.tally, bars.of(f"{vendor} {person.user}"))
                    except Withdrawn as error:
                        person.withdrawn = str(error)

        try:
            run(until_stopped(work()))
        finally:
            if people:
                _show(plugin, wanted.window, people, dry_run=dry_run, as_json=as_json)
    raise SystemExit(_exit_code(people))


def _plugin(name: str) -> Vendor:
    plugin = next((each for each in PLUGINS if each.name == name), None)
    if plugin is None or plugin.api is None or not plugin.api.history:
        why = "no such vendor" if plugin is None else f"only pushes its data (see {plugin.sources[0]})"
        listing = ", ".join(each.name for each in PLUGINS if each.api is not None and each.api.history)
        raise Misconfigured(f"{name}: {why}; vendors that can be back-filled: {listing}")
    return plugin


def _window(first: str, last: str) -> Window:
    window, latest = Window(_day("--from", first), _day("--to", last)), latest_day(now())
    if window.first > window.last:
        raise Misconfigured(f"--from {first} is after --to {last}: swap them")
    if window.last > latest:
        raise Misconfigured(f"--to {last} is in the future: the last possible day is today ({latest})")
    if window.first < _EARLIEST:
        raise Misconfigured(f"--from {first} is too early: the first possible day is {_EARLIEST}")
    return window


def _day(option: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a calendar date
    except ValueError:
        raise Misconfigured(f"{option} {text}: expected a date such as 2026-01-31") from None


@dataclass(frozen=True, slots=True)
class _Bars:
    """Shows a bar for each person on a terminal, and prints a line to standard error for each long wait."""

    progress: Progress

    def of(self, what: str) -> Callable[[int, int], None]:
        task = self.progress.add_task(what, total=None)
        return lambda done, total: self.progress.update(task, completed=done, total=total)

    @property
    def waits(self) -> Waits:
        def tell(why: str, delay_s: float) -> None:
            if delay_s >= _WORTH_TELLING_S:
                self.progress.console.print(f"{why}: resuming in {delay_s:.0f} s", markup=False, highlight=False)

        return tell


@contextmanager
def _progress(*, show: bool) -> Generator[_Bars]:
    with progress_bar(show=show) as progress:
        yield _Bars(progress)


def _exit_code(people: list[_Person]) -> Exit:
    if any(person.withdrawn for person in people):
        return Exit.REFUSED
    is_partial = any(person.tally.lacking or person.plan.beyond for person in people)
    return Exit.FINDINGS if is_partial else Exit.AS_DESIRED


def _show(vendor: Vendor, window: Window, people: list[_Person], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        about = {"vendor": vendor.name, "from": f"{window.first}", "to": f"{window.last}", "dry_run": dry_run}
        click.echo(json.dumps({**about, "people": [_document(person) for person in people]}))
        return
    for person in people:
        click.echo("\n".join([f"{vendor.name} {person.user}", *_lines(person, dry_run=dry_run)]))


def _lines(person: _Person, *, dry_run: bool) -> Generator[str]:
    plan, tally = person.plan, person.tally
    if dry_run:
        yield f"  windows to request    {len(plan.portions)}, each at least one request; nothing was requested"
        for name, portions in _by_listing(plan).items():
            days = Window(min(each.window.first for each in portions), max(each.window.last for each in portions))
            yield f"    {name:<26}{len(portions)} from {days.first} to {days.last}"
    else:
        yield f"  windows requested     {tally.windows} of {len(plan.portions)}, {tally.empty} of them empty"
        yield f"  answers published     {tally.answers}"
    yield f"  fetched earlier       {plan.had}"
    for each in plan.beyond:
        yield (
            f"  beyond the vendor     {each.listing.type} from {each.window.first} to {each.window.last}: "
            f"it keeps the last {each.listing.reaches_days} days, see {each.listing.docs}"
        )
    for each in tally.lacking:
        days = each.portion.window
        yield f"  failed                {each.portion.listing.type} from {days.first} to {days.last}: {each.error}"
    if person.withdrawn:
        yield f"  withdrawn             {person.withdrawn}"


def _by_listing(plan: Plan) -> dict[str, list[Portion]]:
    found: dict[str, list[Portion]] = {}
    for portion in plan.portions:
        found.setdefault(portion.listing.type, []).append(portion)
    return found


def _document(person: _Person) -> dict[str, Any]:
    plan, tally = person.plan, person.tally
    return {
        "user": person.user,
        "planned": [{"listing": each.listing.type, **_days(each.window)} for each in plan.portions],
        "had_before": plan.had,
        "windows": tally.windows,
        "empty": tally.empty,
        "answers": tally.answers,
        "not_at_the_vendor": [
            {"listing": each.listing.type, **_days(each.window), "docs": each.listing.docs} for each in plan.beyond
        ],
        "could_not_be_had": [
            {"listing": each.portion.listing.type, **_days(each.portion.window), "error": each.error}
            for each in tally.lacking
        ],
        "withdrawn": person.withdrawn or None,
    }


def _days(window: Window) -> dict[str, str]:
    return {"from": f"{window.first}", "to": f"{window.last}"}
