"""The generated files and their contents."""

from pathlib import Path

from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.broker.environment import EnvironmentSpec
from generator.alert import GRAFANA, RUNBOOKS
from generator.clock import Clock
from generator.dashboard import as_json, dashboard, panel_ids
from generator.rules import as_yaml, rules_document

_MADE_BY = "Made by scripts/build_monitoring.py: change monitoring/generator, not this file."


def environments(root: Path) -> dict[str, EnvironmentSpec]:
    """Return every environment by its name."""
    folder = root / "deploy" / "environments"
    return {path.stem: load_environment(path) for path in sorted(folder.glob("*.toml"))}


def monitoring_files(root: Path, *, grafana: str = GRAFANA, runbooks: str | None = None) -> dict[str, str]:
    """Return the text of each file by its path.

    Production's rules are at the promised place, the others' beside them; the dashboard has production's limits.
    """
    every = environments(root)
    board = dashboard(every["production"].thresholds, runbooks=runbooks or RUNBOOKS)
    made = {"monitoring/grafana/normalize-dashboard.json": as_json(board)}
    links = {"grafana": grafana, "runbooks": runbooks or f"{grafana}{RUNBOOKS}"}
    for name, spec in every.items():
        folder = "monitoring" if name == "production" else f"monitoring/environments/{name}"
        comment = [
            f"Recorded series and alerts with the thresholds of deploy/environments/{name}.toml.",
            _MADE_BY,
        ]
        document = rules_document(spec.thresholds, panel_ids(spec.thresholds), clock=Clock(), **links)
        made[f"{folder}/alert_rules.yml"] = as_yaml(document, comment)
    return made
