"""Drawing the dashboard from what its queries return: a preview, not Grafana."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# By name, out of a type checker's sight: no test needs it, and no group installs it.
plt: Any = importlib.import_module("matplotlib.pyplot")
plt.switch_backend("Agg")

_COLUMNS, _CELL_W, _CELL_H = 24, 0.68, 0.34
_PAPER, _PANEL, _INK, _FAINT = "#111217", "#181b1f", "#d8d9da", "#8e8e8e"
_COLOURS = {"green": "#56a64b", "orange": "#ff9830", "red": "#e02f44", "blue": "#3274d9"}
_PALETTE = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0")
_MOST_LEGENDS = 4

Results = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
"""What each query of a panel returned: a matrix, by panel title and number of the query."""


def draw(dashboard: Mapping[str, Any], results: Results, path: Path, note: str) -> None:
    """Draw each panel at its place, and write a PNG."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"]) + 2
    figure: Any = plt.figure(figsize=(_COLUMNS * _CELL_W, rows * _CELL_H), facecolor=_PAPER)
    figure.text(0.01, 1 - 0.9 / rows, f"{dashboard['title']}   ·   {note}", color=_INK, fontsize=13, va="center")
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        box = (
            place["x"] / _COLUMNS,
            1 - (place["y"] + place["h"] + 2) / rows,
            place["w"] / _COLUMNS,
            place["h"] / rows,
        )
        if panel["type"] == "row":
            figure.text(0.01, box[1] + box[3] / 2, panel["title"], color=_INK, fontsize=10, weight="bold", va="center")
            continue
        _panel(figure, panel, [results[panel["title"], number] for number in range(len(panel["targets"]))], box)
    figure.savefig(path, dpi=75, facecolor=_PAPER)
    plt.close(figure)


def _panel(figure: Any, panel: Mapping[str, Any], found: Sequence[Any], box: tuple[float, ...]) -> None:
    left, bottom, width, height = box
    gap = 0.002
    back = figure.add_axes((left + gap, bottom + gap, width - 2 * gap, height - 2 * gap), facecolor=_PANEL)
    back.set(xticks=[], yticks=[])
    for spine in back.spines.values():
        spine.set_visible(False)
    back.text(0.02, 0.97, panel["title"], color=_INK, fontsize=8, va="top", transform=back.transAxes)
    series = [
        (_name(target["legendFormat"], each["metric"]), each["values"])
        for target, matrix in zip(panel["targets"], found, strict=True)
        for each in matrix
    ]
    if panel["type"] == "stat":
        _stat(back, panel, series)
    else:
        inner = (left + 0.035, bottom + height * 0.24, width - 0.045, height * 0.6)
        _lines(figure.add_axes(inner, facecolor=_PANEL), panel, series)


def _stat(axes: Any, panel: Mapping[str, Any], series: Sequence[tuple[str, Any]]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    values = [(name, float(points[-1][1])) for name, points in series[:_MOST_LEGENDS]]
    worst = max((value for _, value in values), default=0.0)
    steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is None or worst >= step["value"]]
    axes.set_facecolor(_COLOURS[steps[-1]["color"]])
    text = "\n".join(
        f"{name}  {_shown(value, defaults['unit'])}" if len(values) > 1 else _shown(value, defaults["unit"])
        for name, value in values
    )
    size = 24 if len(values) <= 1 else 11
    axes.text(0.5, 0.45, text or defaults["noValue"], color="white", fontsize=size, ha="center", va="center",
              transform=axes.transAxes)  # fmt: skip


def _lines(axes: Any, panel: Mapping[str, Any], series: Sequence[tuple[str, Any]]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    fixed = {
        each["matcher"]["options"]: each["properties"][0]["value"]["fixedColor"]
        for each in panel["fieldConfig"]["overrides"]
    }
    busy = sorted(series, key=lambda each: -max(float(value) for _, value in each[1]))
    for number, (name, points) in enumerate(busy):
        colour = _COLOURS.get(fixed.get(name, ""), _PALETTE[number % len(_PALETTE)])
        times = [float(at) for at, _ in points]
        values = [float(value) for _, value in points]
        axes.plot(times, values, color=colour, linewidth=1.1, label=name if number < _MOST_LEGENDS else None)
        if defaults["custom"]["fillOpacity"]:
            axes.fill_between(times, values, color=colour, alpha=defaults["custom"]["fillOpacity"] / 200)
    highest = max((float(value) for _, points in series for _, value in points if value != "NaN"), default=1.0)
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and step["value"] <= 3 * max(highest, 0.3):
            axes.axhline(step["value"], color=_COLOURS[step["color"]], linestyle="--", linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xticks([])

    def tick(value: float, _: int) -> str:
        return _shown(value, defaults["unit"])

    axes.yaxis.set_major_formatter(tick)
    axes.tick_params(colors=_FAINT, labelsize=6.5, length=0)
    axes.grid(visible=True, color="#2c3235", linewidth=0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(
        loc="upper left", bbox_to_anchor=(-0.08, -0.04), ncols=2, fontsize=6, frameon=False, labelcolor=_FAINT,
        handlelength=1, columnspacing=1,
    )  # fmt: skip


def _name(legend: str, labels: Mapping[str, str]) -> str:
    for label, value in labels.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend


def _shown(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.1%}" if value < 0.1 else f"{value:.0%}"  # a tenth needs a digit more
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "s":
        days, minutes = value / 86_400, value / 60
        return f"{days:.1f} d" if days >= 1 else f"{minutes:.0f} min" if minutes >= 10 else f"{value:.3g} s"
    return f"{value:.3g}" + {"cps": " /s", "reqps": " /s"}.get(unit, "")
