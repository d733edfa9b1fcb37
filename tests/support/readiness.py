"""What the docs say that each service answers to a probe in each state, and what it does answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from athlete_ally.adapters.encryption.tokens import new_token_key
from support.services import Service
from support.wait import eventually

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
SERVICES = ("ingest", "normalize", "fetch")
OF_FETCH: Mapping[str, Any] = {
    "AA_TOKEN_KEY": new_token_key(),
    "AA_OURA_CLIENT_ID": "ours",
    "AA_OURA_CLIENT_SECRET": "its-secret",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and words of the reasons; documented ones may be alternatives, with "or" between them."""

    status: int
    reasons: str

    def fits(self, real: "Answer") -> bool:
        """Tell whether a real answer is this documented one."""
        return self.status == real.status and any(each in real.reasons for each in self.reasons.split(" or "))


def documented() -> dict[str, dict[str, Answer]]:
    """Return the table of the docs: by state, then by service."""
    section = PAGE.read_text("utf-8").partition("## Readiness\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {state: dict(zip(SERVICES, map(_read, cells), strict=True)) for state, *cells in rows[2:]}


def _read(cell: str) -> Answer:
    status, _, reasons = cell.partition(": ")
    return Answer(int(status), reasons)


async def ask(service: Service) -> Answer:
    """Return what a service answers now; 0 where it does not."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        try:
            response = await client.get(f"{service.url}/health/ready")
        except httpx.TransportError:
            return Answer(0, "")
    return Answer(response.status_code, "; ".join(response.json()["reasons"]))


async def assert_documented(state: str, services: Sequence[Service], within_s: float = 15) -> None:
    """Return once every service answers as the docs say for this state; fail with what it answers instead."""
    expected = documented()[state]
    real: dict[str, Answer] = {}

    async def all_fit() -> bool:
        real.update({service.name: await ask(service) for service in services})
        return all(expected[name].fits(answer) for name, answer in real.items())

    try:
        await eventually(all_fit, within_s=within_s)
    except AssertionError as error:
        raise AssertionError(f"{state}: {real}, documented: {expected}") from error
