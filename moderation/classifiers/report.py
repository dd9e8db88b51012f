"""A check's answers as two files: JSON for programs, one HTML page without scripts for people."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from moderation.classifiers.charts import Line, chart
from moderation.classifiers.errors import AdoptionRefused

TEMPLATE = "moderation/classifier_report.html"


def write_report(answers: Mapping[str, Any], *, folder: Path) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.html``; files of those names are replaced.

    Raises:
        AdoptionRefused: the folder cannot be written to.
    """
    data, page = folder / "report.json", folder / "report.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data.write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        page.write_text(render_to_string(TEMPLATE, {**answers, **_figures(answers)}), encoding="utf-8")
    except OSError as error:
        raise AdoptionRefused(f"--output {folder} cannot be written to: {error.strerror}. Name another.") from error
    return data, page


def _figures(answers: Mapping[str, Any]) -> dict[str, SafeString]:
    found = {"speed_figure": _speeds(answers["speeds"])}
    if labelled := answers["labelled"]:
        found["precision_figure"] = _points(labelled)
        found["prevalence_figure"] = _prevalence(labelled)
    return found


def _speeds(speeds: Sequence[Mapping[str, Any]]) -> SafeString:
    rows = groupby(speeds, key=lambda speed: speed["threads"])
    lines = [
        Line(
            f"{threads} threads" if threads > 1 else "1 thread", [(each["batch"], each["milliseconds"]) for each in row]
        )
        for threads, row in rows
    ]
    return chart(lines, title="Milliseconds for one image by batch", across="batch", up="ms an image")


def _points(labelled: Mapping[str, Any]) -> SafeString:
    lines = [_over_thresholds(labelled, field=field, name=field) for field in ("precision", "recall")]
    return chart(lines, title="Precision and recall by threshold", across="threshold", up="share", shares=True)


def _prevalence(labelled: Mapping[str, Any]) -> SafeString:
    names = (
        ("precision", f"at the CSV's prevalence, {labelled['prevalence']:.1%}"),
        ("precision_at", f"at {labelled['stated_prevalence']:.2%}"),
    )
    lines = [_over_thresholds(labelled, field=field, name=name) for field, name in names]
    return chart(lines, title="Precision by threshold and prevalence", across="threshold", up="precision", shares=True)


def _over_thresholds(labelled: Mapping[str, Any], *, field: str, name: str) -> Line:
    """Where nothing is found there is no precision: the line has a gap at its end."""
    known = [(each["threshold"], each[field]) for each in labelled["points"] if each[field]["value"] is not None]
    points = [(threshold, estimate["value"]) for threshold, estimate in known]
    return Line(name, points or [(0.0, 0.0)], [(each["low"], each["high"]) for _, each in known] or [(0.0, 0.0)])
