# The developer's commands; `just --list` shows them. Needs uv, and `just` from anywhere (e.g. `uvx --from rust-just just`).

# Run before each commit: lint, types, import contracts, fast tests.
check:
    uv run --group lint ruff check
    uv run --group lint ruff format --check
    uv run --group lint pyright
    uv run --group lint lint-imports
    uv run --group dev pytest tests/unit tests/guards

# All tests but the slow ones, against real servers.
test:
    uv run --group dev pytest

# Everything that CI runs.
ci:
    .ci/run

# Rebuild the generated pages and .env.example.
reference:
    uv run --group dev scripts/build_reference.py
