"""Write the result of a check as two files: JSON for programs, an HTML page without scripts for people."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from moderation.classifiers.charts import Curve, draw_chart
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
        page.write_text(render_to_string(TEMPLATE, {**answers, **_charts(answers)}), encoding="utf-8")
    except OSError as error:
        raise AdoptionRefused(
            f"--output {folder} cannot be written to: {error.strerror}. Name another folder."
        ) from error
    return data, page


def _charts(answers: Mapping[str, Any]) -> dict[str, SafeString]:
    charts = {"speed_figure": _speed_chart(answers["speeds"])}
    if labelled := answers["labelled"]:
        charts["precision_figure"] = _precision_chart(labelled)
        charts["prevalence_figure"] = _prevalence_chart(labelled)
    return charts


def _speed_chart(speeds: Sequence[Mapping[str, Any]]) -> SafeString:
    curves = [
        Curve(
            "1 thread" if threads == 1 else f"{threads} threads",
            [(each["batch"], each["milliseconds"]) for each in row],
        )
        for threads, row in groupby(speeds, key=lambda speed: speed["threads"])
    ]
    return draw_chart(curves, title="Milliseconds for one image by batch", across="batch", up="ms an image")


def _precision_chart(labelled: Mapping[str, Any]) -> SafeString:
    curves = [_over_thresholds(labelled, field=field, name=field) for field in ("precision", "recall")]
    return draw_chart(curves, title="Precision and recall by threshold", across="threshold", up="share", shares=True)


def _prevalence_chart(labelled: Mapping[str, Any]) -> SafeString:
    names = (
        ("precision", f"at the CSV's prevalence, {labelled['prevalence']:.1%}"),
        ("precision_at", f"at {labelled['stated_prevalence']:.2%}"),
    )
    curves = [_over_thresholds(labelled, field=field, name=name) for field, name in names]
    title = "Precision by threshold and prevalence"
    return draw_chart(curves, title=title, across="threshold", up="precision", shares=True)


def _over_thresholds(labelled: Mapping[str, Any], *, field: str, name: str) -> Curve:
    """Return the curve of one estimate. It ends where no image is rejected, because precision is undefined there."""
    known = [(each["threshold"], each[field]) for each in labelled["points"] if each[field]["value"] is not None]
    points = [(threshold, estimate["value"]) for threshold, estimate in known]
    return Curve(name, points or [(0.0, 0.0)], [(each["low"], each["high"]) for _, each in known] or [(0.0, 0.0)])
