"""Linking accounts, for `accounts add` and `accounts import`."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from athlete_ally.cli.dlq.replay import replay
from athlete_ally.cli.dlq.text import counted
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.wiring.builders import known_vendors
from athlete_ally.wiring.commands.accounts import waiting_letters, webhook_store_session
from athlete_ally.wiring.services.event_loop import run

_REPLAY = "dead letters with the reason unknown-account can be replayed now: athlete-ally dlq replay --help"

replay_option = click.option(
    "--replay", "replays", is_flag=True, help="Then replay the dead letters of these accounts, as `dlq replay` does."
)


def link(  # noqa: PLR0913  # one for each option
    context: click.Context,
    settings: Settings,
    found: Sequence[Account],
    env_file: Path | None,
    *,
    replays: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Link accounts and, if asked, replay their dead letters; then only the document of the replay is printed."""

    async def main() -> None:
        async with webhook_store_session(settings) as webhook_store:
            await webhook_store.link(found)

    run(main())
    said = f"{counted(len(found), 'account')} linked"
    waiting = run(waiting_letters(settings, found)) if replays else []
    if waiting:
        click.echo(f"{said}; {counted(len(waiting), 'dead letter')} of these accounts", err=as_json)
        # A dead letter that failed in earlier replays can pass now: the account was unknown then.
        context.invoke(replay, seq=tuple(waiting), force=True, yes=yes, env_file=env_file, as_json=as_json)
        return
    told = "no dead letters of these accounts" if replays else _REPLAY
    click.echo(json.dumps({"linked": len(found)}) if as_json else f"{said}; {told}")


def require_known(settings: Settings, vendor: str, where: str = "") -> None:
    """Return when the name is a vendor's or a configured sender's; `where` says in which line it stands.

    Raises:
        Misconfigured: it is neither.
    """
    known = [each.name for each in known_vendors(settings)]
    if vendor not in known:
        nearest = get_close_matches(vendor, known, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise Misconfigured(f"{where}{vendor!r} is neither a supported vendor nor a sender in AA_WEBHOOK_SENDERS{hint}")
