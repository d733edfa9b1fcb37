"""How vendors list a person's past."""

from collections.abc import Sequence

from reference_markdown import code

from athlete_ally.core.vendor.history import Listing


def history_lines(history: Sequence[Listing]) -> list[str]:
    """Return a line for each listing of a vendor, and what they are."""
    return ["", "A back-fill asks it for:", "", *map(_listing, history)] if history else []


def _listing(listing: Listing) -> str:
    parts = ["one day a request" if listing.longest_days == 1 else f"{listing.longest_days} days a request"]
    if listing.names is not None:
        parts.append("and one request for each that it names")
    if listing.reaches_days is not None:
        parts.append(f"the last {listing.reaches_days} days only")
    return f"- {code(listing.type)}: {', '.join(parts)} ([documented here]({listing.docs}))."
