"""The marker `slow`: long proofs that a developer's run leaves out, with a last line that says so, and CI runs all of.

`--slow` runs them with the others. A test that is named by its node id (`file.py::test`) runs in any case.
"""

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

_LEFT_OUT = pytest.StashKey[int]()
_REPORT = "slow_left_out"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs everything."""
    parser.addoption("--slow", action="store_true", help="run the tests that are marked slow, too")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "slow: takes long, and can't be shortened; run with --slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow, unless it was asked for."""
    if config.getoption("--slow"):
        return
    named = [argument for argument in config.args if "::" in argument]
    left_out = [item for item in items if item.get_closest_marker("slow") and not _is_named(item, named)]
    if left_out:
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)
    config.stash[_LEFT_OUT] = len(left_out)
    if (output := getattr(config, "workeroutput", None)) is not None:
        output[_REPORT] = len(left_out)


def _is_named(item: pytest.Item, arguments: Iterable[str]) -> bool:
    for argument in arguments:
        path, _, name = argument.partition("::")
        own = item.nodeid.partition("::")[2]
        if Path(path).resolve() == item.path and (own == name or own.startswith((f"{name}[", f"{name}::"))):
            return True
    return False


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a test process has left out; each has left out the same."""
    left_out = getattr(node, "workeroutput", {}).get(_REPORT, 0)
    node.config.stash[_LEFT_OUT] = max(left_out, node.config.stash.get(_LEFT_OUT, 0))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say at the very end what was left out."""
    yield
    config = session.config
    left_out = config.stash.get(_LEFT_OUT, 0)
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    if left_out and terminal is not None and not hasattr(config, "workeroutput"):
        tests = "1 slow test was" if left_out == 1 else f"{left_out} slow tests were"
        terminal.write_line(f"{tests} left out: run everything with `uv run --group dev pytest --slow`")
