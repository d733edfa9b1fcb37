"""Which dead letters wait for accounts that somebody has linked meanwhile."""

from collections.abc import Collection, Mapping
from contextlib import aclosing

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Webhook
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.ops.dead_letters.reader import LetterReader
from athlete_ally.ops.dead_letters.selection import Selection


async def letters_for(reader: LetterReader, vendors: Mapping[str, Vendor], linked: Collection[Account]) -> list[int]:
    """Return the sequences of letters that were unpacked while one of these accounts was unknown, in order.

    Raises:
        Unavailable: the broker or the database can't be reached.
    """
    accounts: dict[str, set[str]] = {}
    for each in linked:
        accounts.setdefault(each.vendor, set()).add(each.account)
    found: list[int] = []
    for name, known in accounts.items():
        selection = Selection(reason="unknown-account", vendor=name)
        async with aclosing(reader.read(selection)) as letters:
            found += [
                each.letter.sequence
                async for each in letters
                if not each.is_done and _names_one(vendors[name], each.letter, known)
            ]
    return sorted(found)


def _names_one(vendor: Vendor, letter: Letter, known: Collection[str]) -> bool:
    if headers.GRANT in letter.headers:
        # A document belongs to a permission: a link makes nobody its owner.
        return False
    try:
        unpacked = vendor.unpack(Webhook(letter.body, letter.headers, letter.stored_at))
    except InvalidMessage:
        return False
    return any(each.account in known for each in unpacked.found)
