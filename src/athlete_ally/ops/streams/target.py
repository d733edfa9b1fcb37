"""Is this the server that the environment means? Pure."""

from athlete_ally.core.broker.environment import Environment, Expectation
from athlete_ally.core.broker.state import LiveStream, Server, metadata_of
from athlete_ally.core.broker.topology import ENVIRONMENT_KEY
from athlete_ally.core.errors import WrongTarget


def require_target(server: Server, expect: Expectation, live: list[LiveStream], environment: Environment) -> None:
    """Return when server and streams are those of the environment.

    Raises:
        WrongTarget: something is not as expected; the text names all of it.
    """
    problems = [
        f"{what} is {found or 'not named'}, expected {wanted}"
        for what, wanted, found in (
            ("cluster", expect.cluster, server.cluster),
            ("JetStream domain", expect.domain, server.domain),
        )
        if wanted and found != wanted
    ]
    if expect.account and expect.account not in server.account_names:
        problems.append(f"account is {server.account}, expected {expect.account}")
    if _numbers(server.version) < _numbers(expect.min_server):
        problems.append(f"server {server.version} is older than {expect.min_server}")
    if server.api_level < expect.min_api_level:
        problems.append(f"JetStream API level is {server.api_level}, expected {expect.min_api_level} or higher")
    problems += [
        f"stream {stream.name} belongs to {theirs}, not to {environment}"
        for stream in live
        if (theirs := metadata_of(stream.config).get(ENVIRONMENT_KEY, environment)) != environment
    ]
    if problems:
        raise WrongTarget("; ".join(problems) + ": nothing was changed; check NATS_URL, credentials and the file")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdigit())
