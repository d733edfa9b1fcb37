"""The vendors: how each signs, shakes hands and delivers, and where that was looked up."""

from reference_history import history_lines
from reference_markdown import code, codes, table

from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Hmac, SecretPath, SharedHeader, Signature
from athlete_ally.vendors import PLUGINS, generic

_ALL = (*PLUGINS, generic("{SENDER}"))
_HEAD = ("vendor", "route", "proof", "handshake", "carries", "answer", "within", "confirmed by")


def vendors_table() -> str:
    """Return a row for each vendor."""
    return table(_HEAD, [_row(vendor) for vendor in _ALL])


def vendors_sections() -> str:
    """Return what else is to say of each vendor."""
    return "\n\n".join(_section(vendor) for vendor in _ALL)


def _row(vendor: Vendor) -> tuple[str, ...]:
    sources = ", ".join(f"[{number}]({source})" for number, source in enumerate(vendor.sources, start=1))
    route = code(f"/webhooks/{vendor.name}" + ("/{secret}" if isinstance(vendor.signature, SecretPath) else ""))
    answer, within = str(vendor.accepted.status), f"{vendor.deadline_s:g} s"
    proof = _proof(vendor.signature)
    return vendor.title, route, proof, vendor.shakes_hands, vendor.carries, answer, within, sources


def _proof(signature: Signature) -> str:
    match signature:
        case Hmac():
            signed = ", ".join("`.`" if part == "." else part for part in signature.signed)
            age = f"; at most {signature.max_age_s:g} s from now" if signature.max_age_s is not None else ""
            algorithm = f"HMAC-{signature.algorithm.upper()}"
            return f"{code(signature.header)}: {signature.encoding} of {algorithm} over {signed}{age}"
        case SharedHeader():
            return f"{code(signature.header)}: its whole value is the secret"
        case SecretPath():
            return "the last part of the address is the secret"


def _section(vendor: Vendor) -> str:
    kept = codes(vendor.kept_headers) or "no header of its own"
    lines = [f"### {vendor.title}", "", f"Kept beside the body: {kept}."]
    if vendor.kinds:
        lines.append(f"Becomes readings of: {codes(vendor.kinds)}.")
    if vendor.repeats_are_news:
        lines.append("Equal content again tells of another change, and is kept again.")
    unconfirmed = [f"- Unconfirmed: {each}." for each in vendor.unconfirmed]
    if vendor.api is not None:
        lines.append(f"Its API, which is asked for what webhooks name, was read at {', '.join(vendor.api.sources)}.")
        unconfirmed += [f"- Unconfirmed, of its API: {each}." for each in vendor.api.unconfirmed]
        lines += history_lines(vendor.api.history)
    return "\n".join([*lines, "", *unconfirmed]).rstrip()
