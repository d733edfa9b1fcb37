"""The configurations of NATS servers in `deploy/nats`, made from the topology. Pure."""

from collections.abc import Iterable, Sequence

from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.broker.permissions import User
from athlete_ally.core.broker.topology import MAX_DEAD_LETTER_BYTES, Topology

_GIB = 1024**3
# Streams may promise at most this share of the disk.
_STORE_SHARE = 0.7
_LARGEST_CLUSTER = 3


def nats_configuration(spec: EnvironmentSpec, topology: Topology, users: Sequence[User]) -> str:
    """Return the configuration of the NATS servers of an environment, in the servers' own format."""
    environment = spec.environment
    is_cluster = any(stream.limits.replicas > 1 for stream in topology.streams)
    parts = [_head(environment, is_cluster=is_cluster), _server(topology, has_tls=environment != "dev")]
    if environment != "dev":
        parts.append(_tls("", "# Clients show a certificate of the same authority.\n"))
    if is_cluster:
        parts.append(_cluster(spec))
    parts.append(_accounts(spec, topology, users))
    return "\n".join(parts)


def _head(environment: str, *, is_cluster: bool) -> str:
    what = "each of the three NATS servers" if is_cluster else "the NATS server"
    return (
        f"# Configuration of {what} of {environment}. Made by scripts/build_reference.py from the topology and\n"
        f"# deploy/environments/{environment}.toml; a change here is lost.\n"
        "# $NAMES come from the server's environment; docs/how-to/run-own-nats-servers.md says which.\n"
    )


def _server(topology: Topology, *, has_tls: bool) -> str:
    store = sum(stream.limits.max_bytes for stream in topology.streams) / _STORE_SHARE
    public = "" if has_tls else "# Only this machine can connect: there is no TLS.\n"
    return f"""\
server_name: $NATS_SERVER_NAME
{public}listen: $NATS_LISTEN
# For health checks and `athlete-ally doctor`; it shows names and figures to whoever reaches it.
http: $NATS_MONITOR_LISTEN
# A dead letter: the largest message with the headers that say why.
max_payload: {MAX_DEAD_LETTER_BYTES}
max_connections: 1000

jetstream {{
  store_dir: $NATS_STORE_DIR
  # By default JetStream acknowledges up to two minutes before it flushes (Jepsen, NATS 2.12.1, 2025-12).
  # Ingest answers 202 on that acknowledgement, and a 202 must survive a power cut.
  sync_interval: always
  # Streams fill at most {_STORE_SHARE:.0%} of it. Every stream lies on files.
  max_file_store: {_round_up(store)}GB
  max_memory_store: 64MB
}}
"""


def _tls(indent: str, comment: str) -> str:
    return (
        f"{comment}{indent}tls {{\n"
        f"{indent}  cert_file: $NATS_TLS_CERT\n{indent}  key_file: $NATS_TLS_KEY\n{indent}  ca_file: $NATS_TLS_CA\n"
        f"{indent}  verify: true\n{indent}}}\n"
    )


def _cluster(spec: EnvironmentSpec) -> str:
    routes = "\n".join(f"    $NATS_ROUTE_{number}" for number in range(1, _LARGEST_CLUSTER + 1))
    return (
        f"cluster {{\n  name: {spec.expect.cluster}\n  listen: $NATS_CLUSTER_LISTEN\n  routes: [\n{routes}\n  ]\n"
        f"{_tls('  ', '')}}}\n"
    )


def _accounts(spec: EnvironmentSpec, topology: Topology, users: Sequence[User]) -> str:
    account = spec.expect.account or "AA"
    promised = sum(stream.limits.max_bytes * stream.limits.replicas for stream in topology.streams)
    return f"""\
system_account: SYS

accounts {{
  SYS: {{
    # Whole servers: reload, shutdown, connections. No program of ours uses it.
    users: [{{ nkey: $NKEY_SYS }}]
  }}
  {account}: {{
    # What the topology needs, and not one stream or byte more: nobody can fill the disk from here.
    jetstream: {{
      max_file: {promised}
      max_memory: 0
      max_streams: {len(topology.streams)}
      max_consumers: {len(topology.durables)}
      max_bytes_required: true
    }}
    users: [
{"".join(map(_user, users))}    ]
  }}
}}
"""


def _user(user: User) -> str:
    return (
        f"      # {user.name}: {user.purpose}.\n      {{\n        nkey: $NKEY_{user.name.upper()}\n"
        f"        permissions: {{\n          publish: [\n{_lines(user.publish)}          ]\n"
        f"          subscribe: [\n{_lines(user.subscribe)}          ]\n        }}\n      }}\n"
    )


def _lines(subjects: Iterable[str]) -> str:
    return "".join(f'            "{subject}"\n' for subject in subjects)


def _round_up(size: float) -> int:
    return -(-int(size) // _GIB)
