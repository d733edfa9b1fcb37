"""Plans as text for a terminal, and as Markdown for a pull request."""

from collections.abc import Iterator
from itertools import groupby

import click
import msgspec

from athlete_ally.ops.streams.effect import value_text
from athlete_ally.ops.streams.plan import Change, Plan

_COLOURS = {
    "safe": "green",
    "service-affecting": "yellow",
    "destructive": "red",
    "one-way": "red",
    "impossible": "red",
}


def change_text(change: Change) -> str:
    """Return one change as one sentence."""
    reason = f": {change.reason}" if change.reason else ""
    if change.is_creation:
        return f"create{reason}"
    before, after = value_text(change.field, change.before), value_text(change.field, change.after)
    return f"{change.field} {before} to {after}{reason}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan, in colour if standard output supports it."""
    where = ", ".join(f"{what} {name}" for what, name in _where(plan) if name)
    for (what, name), changes in groupby(plan.changes, key=lambda change: (change.what, change.name)):
        yield click.style(f"{what} {name}", bold=True)
        for change in changes:
            yield f"  {click.style(change.danger, fg=_COLOURS[change.danger]):<17} {change_text(change)}"
            if change.remedy:
                yield f"      remedy: {change.remedy}"
    for found in plan.found:
        yield f"{click.style('found', fg='yellow')} {found.detail}\n      remedy: {found.remedy}"
    yield f"{summary(plan)} ({where})"


def _where(plan: Plan) -> tuple[tuple[str, str], ...]:
    target = plan.target
    return ("environment", plan.environment), ("account", target.account), ("cluster", target.cluster)


def summary(plan: Plan) -> str:
    """Return the number of changes of each danger level."""
    if not plan.changes:
        return "as desired" if not plan.found else "as desired, with findings"
    counts = {danger: sum(change.danger == danger for change in plan.changes) for danger in _COLOURS}
    parts = ", ".join(f"{count} {danger}" for danger, count in counts.items() if count)
    return f"{len(plan.changes)} {'change' if len(plan.changes) == 1 else 'changes'}: {parts}"


def plan_markdown(plan: Plan) -> str:
    """Return a plan as a table."""
    where = ", ".join(f"{what} `{name}`" for what, name in _where(plan) if name)
    head = f"### Streams: {summary(plan)}\n\nFor {where}; made at {plan.made_at}.\n"
    if not plan.changes and not plan.found:
        return head
    rows = [
        f"| {each.what} `{each.name}` | {each.danger} | {change_text(each)} | {each.remedy} |" for each in plan.changes
    ]
    rows += [f"| | found | {each.detail} | {each.remedy} |" for each in plan.found]
    return "\n".join((head, "| object | danger | change | remedy |", "| --- | --- | --- | --- |", *rows))


def plan_json(plan: Plan) -> str:
    """Return a plan as JSON, as `--out` writes it."""
    return msgspec.json.encode(plan).decode()
