# pyright: basic
# The fuzzer is generic over types that it does not export.
"""The contract against the real service, by a fuzzer made for that."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.services import Site

from athlete_ally.measurements import KINDS

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# For each route, and there is one for each kind: enough to find what is wrong in all of them, in half a minute.
EXAMPLES = 12


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
async def test_no_request_gets_an_answer_that_is_not_in_the_contract(site: Site) -> None:
    """
    Whatever schemathesis makes of the contract, right or wrong: no 5xx, no undocumented status, type or shape.
    """
    ingest = await site.service("ingest", AA_OURA_WEBHOOK_SECRETS="oura-client-secret").start().ready()
    document = schemathesis.openapi.from_url(f"{ingest.url}/openapi.json")
    tried = await asyncio.to_thread(_fuzz, document)

    # The routes of all kinds take a body: each is tried with right and with wrong requests.
    assert tried > 2 * len(KINDS) * EXAMPLES


def _fuzz(document: schemathesis.BaseSchema) -> int:
    tried = 0

    def check(case: schemathesis.Case) -> None:
        nonlocal tried
        tried += 1
        case.call_and_validate(checks=CHECKS)

    for result in document.get_all_operations():
        operation: Any = result.ok()  # pyright: ignore[reportAttributeAccessIssue]  # the document is valid
        _run(operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE), check)
        if operation.body:
            _run(operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE), check)
    return tried


def _run(strategy: Any, check: Callable[[Any], None]) -> None:
    def property_(case: Any) -> None:
        check(case)

    quick = settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    quick(given(case=strategy)(property_))()
