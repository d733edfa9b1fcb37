"""The publish permissions, as a table."""

from reference_markdown import code, table
from reference_nats import topology_and_users

from athlete_ally.core.broker.permissions import User, denied_to_all
from athlete_ally.core.broker.topology import Topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import VENDORS


def permissions_table() -> str:
    """Return who may publish what; where it is not everything that a row stands for, the streams are named."""
    topology, users = topology_and_users()
    rows: dict[str, list[str]] = {}
    for subject in dict.fromkeys((*(each for user in users for each in user.publish), *denied_to_all(topology))):
        rows.setdefault(_collapsed(subject, topology), []).append(subject)
    return table(
        ("may publish", *(user.name for user in users)),
        [(code(row), *(_cell(user, subjects, topology) for user in users)) for row, subjects in rows.items()],
    )


def _collapsed(subject: str, topology: Topology) -> str:
    names = {
        **{each.name: "{stream}" for each in topology.streams},
        **{each.name: "{durable}" for each in topology.durables},
        **dict.fromkeys(KINDS, "{kind}"),
        **dict.fromkeys((vendor for vendor in VENDORS), "{vendor}"),
    }
    return ".".join(names.get(token, token) for token in subject.split("."))


def _cell(user: User, subjects: list[str], topology: Topology) -> str:
    allowed = [subject for subject in subjects if user.may_publish(subject)]
    if len(allowed) in {0, len(subjects)}:
        return "yes" if allowed else ""
    streams = [each.name for each in topology.streams if any(each.name in one.split(".") for one in allowed)]
    return ", ".join(streams) or "some"
