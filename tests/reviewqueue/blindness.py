"""What a reviewer can read in an answer: everything except parts that differ at every request, whatever the task is."""

import re
from collections.abc import Mapping

from django.http import HttpResponseBase

# Tokens of claims and of CSRF, and the clock: new at each request, and random or counted from the request itself.
ONCE = [
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "TOKEN"),
    (r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"', "CSRF"),
    (r'data-seconds="\d+"|until \d\d:\d\d|\d+ s\b|data-due-in="[\d.]+"', "TIME"),
]
TIMES = {"Expires", "Date", "Last-Modified"}


def without_tokens(html: str) -> str:
    """Return ``html`` without what is new at each request. Two tasks that look alike give equal texts."""
    for pattern, name in ONCE:
        html = re.sub(pattern, name, html)
    return html


def readable(answer: HttpResponseBase) -> str:
    """Return the text of an answer, without what is new at each request."""
    return without_tokens(answer.content.decode())  # type: ignore[attr-defined]


def headers(answer: HttpResponseBase) -> dict[str, str]:
    """Return the headers of an answer, without what is new at each request."""
    return {name: without_tokens(value) for name, value in answer.headers.items() if name not in TIMES}


def without_facts(html: str, facts: Mapping[str, str]) -> str:
    """Replace facts of the picture, such as its name, by their label: every upload has its own."""
    for label, fact in facts.items():
        html = html.replace(fact, label)
    return html
