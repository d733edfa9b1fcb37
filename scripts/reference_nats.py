"""The configurations of NATS servers, and their users."""

from pathlib import Path

from reference_markdown import code, table

from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.broker.environment import Environment
from athlete_ally.core.broker.nats_configuration import nats_configuration
from athlete_ally.core.broker.permissions import User, build_users
from athlete_ally.core.broker.topology import Topology, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

ROOT = Path(__file__).parent.parent


def nats_conf(environment: Environment) -> str:
    """Return the configuration of an environment."""
    spec = load_environment(ROOT / "deploy" / "environments" / f"{environment}.toml")
    topology = build_topology(KINDS, VENDORS, spec, fetched=FETCHED)
    return nats_configuration(spec, topology, build_users(topology, KINDS, VENDORS))


def topology_and_users() -> tuple[Topology, tuple[User, ...]]:
    """Return what every environment has alike."""
    topology = build_topology(KINDS, VENDORS, fetched=FETCHED)
    return topology, build_users(topology, KINDS, VENDORS)


def users_table() -> str:
    """Return what each user is for."""
    _, users = topology_and_users()
    rows = [(user.name, user.purpose, code(user.subscribe[0]), code(f"$NKEY_{user.name.upper()}")) for user in users]
    return table(("user", "what it is for", "may subscribe", "its public key"), rows)
