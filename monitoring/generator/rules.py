"""The files of rules: one for each environment, at the pace of production or faster."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import yaml

from athlete_ally.core.broker.environment import Thresholds
from generator.alert import GRAFANA, RUNBOOKS, Alert
from generator.alerts_messages import message_alerts
from generator.alerts_objectives import objective_alerts
from generator.alerts_service import service_alerts
from generator.alerts_vendors import vendor_alerts
from generator.clock import Clock
from generator.recording import recording_rules

# A query broken in the middle of a string can't be copied.
_NEVER_FOLD = 10_000


def all_alerts(limits: Thresholds, clock: Clock) -> list[Alert]:
    """Return every alert, with the thresholds of one environment."""
    return [*message_alerts(limits, clock), *service_alerts(limits, clock), *vendor_alerts(), *objective_alerts()]


def rules_document(
    limits: Thresholds,
    panel_ids: Mapping[str, int],
    *,
    clock: Clock,
    grafana: str = GRAFANA,
    runbooks: str = GRAFANA + RUNBOOKS,
) -> dict[str, Any]:
    """Return what a file of rules holds: recorded series first, then the alerts by service."""
    groups = [{"name": name, "rules": rules} for name, rules in recording_rules(clock).items()]
    alerts = sorted(all_alerts(limits, clock), key=lambda alert: alert.service)
    for service, each in groupby(alerts, key=lambda alert: alert.service):
        links = {"grafana": grafana, "runbooks": runbooks}
        rules = [alert.rule(clock, panel_id=panel_ids[alert.panel], **links) for alert in each]
        groups.append({"name": f"aa-alerts-{service}", "rules": rules})
    return {"groups": groups}


def as_yaml(document: Mapping[str, Any], comment: Sequence[str]) -> str:
    """Return the text of a file, with a comment at its top."""
    head = "".join(f"# {line}\n" for line in comment)
    return head + yaml.safe_dump(document, sort_keys=False, width=_NEVER_FOLD, allow_unicode=True)
