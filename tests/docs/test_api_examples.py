"""The examples of docs/api.md, in their order, against the test client: calls work, answers are as shown."""

import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils.dateparse import parse_datetime

from moderation.models import Effect, Upload, Verdict
from moderation.review.claiming import claim_next
from moderation.tuning.versions import put_in_force
from tests.database_owner import as_owner, tampering
from tests.docs.markdown import ROOT, Command, blocks, commands
from tests.factories import (
    decide_claimed,
    make_screening,
    make_task,
    make_upload,
    make_user,
    version_in_force,
)

PAGE = ROOT / "docs" / "api.md"
SERVER = "http://localhost:8000"

pytestmark = pytest.mark.django_db


def answers() -> Iterator[Any]:
    return (json.loads(block.text) for block in blocks(PAGE) if block.tag == "json")


def calls() -> Iterator[Command]:
    return (command for command in commands(PAGE) if command.words[0] == "curl")


def curl(command: Command, *, token: str) -> Any:
    """Do what curl would do, with the options that the page uses."""
    words = [word.replace("$TOKEN", token) for word in command.words[1:]]
    headers, form, query, body, url, as_query = {}, {}, [], None, "", False
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-F":
            name, _, value = words.pop(0).partition("=")
            form[name] = attached(value[1:]) if value.startswith("@") else value
        elif word == "-d":
            body = words.pop(0)
        elif word == "--data-urlencode":
            query.append(tuple(words.pop(0).split("=", 1)))
        elif word == "-G":
            as_query = True
        else:
            assert word.startswith(SERVER), word
            url = word.removeprefix(SERVER)
    client = Client(headers={"Host": "localhost:8000", **headers})
    if form:
        return client.post(url, form)
    if body is not None:
        return client.post(url, body, content_type=headers.pop("Content-Type"))
    return client.get(f"{url}?{urlencode(query)}" if as_query else url)


def attached(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(Path(name).name, (ROOT / name).read_bytes())


def same(example: Any, answer: Any) -> bool:
    """Whether two answers are equal, except for the moments in them."""
    if isinstance(example, dict):
        return example.keys() == answer.keys() and all(same(example[name], answer[name]) for name in example)
    if isinstance(example, list):
        return len(example) == len(answer) and all(map(same, example, answer))
    if isinstance(example, str) and re.match(r"\d{4}-\d\d-\d\dT", example):
        return parse_datetime(example).tzinfo == parse_datetime(answer).tzinfo
    return bool(example == answer)


def next_id(table: str, number: int) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, number - 1])


def issue_token() -> str:
    issue = next(command for command in commands(PAGE) if "issue" in command.words)
    out = io.StringIO()
    call_command(*issue.words[issue.words.index("manage.py") + 1 :], stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def reject_as_violating(upload: Upload) -> None:
    """A moderator rejects it, and the grace period ends."""
    make_task(upload)
    task = claim_next(make_user())
    assert task is not None
    decide_claimed(task, Verdict.VIOLATING)
    with tampering("moderation.Effect:immutable_except_cancelled_at"):
        Effect.objects.update(due_at=F("due_at") - timedelta(minutes=1))


def test_the_calls_work_and_the_answers_are_as_shown(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    description, sent, by_number, by_name, report, appeal, objections = calls()
    upload_sent, upload_decided, appealed, *_ = answers()
    while version_in_force().number < upload_decided["policies"][0]["version"]:
        put_in_force(version_in_force().copy_as_draft(by=None), by=None, why="The example speaks of a later version.")
    next_id("moderation_upload", upload_sent["id"])
    next_id("moderation_objection", appealed["id"] - 1)
    token = issue_token()

    assert curl(description, token=token).json()["info"]["title"] == "Second Look"
    answer = curl(sent, token=token)
    assert (answer.status_code, answer.json()) == (201, upload_sent)
    reject_as_violating(Upload.objects.get(pk=upload_sent["id"]))
    for question in (by_number, by_name):
        answer = curl(question, token=token)
        assert answer.status_code == 200
        assert same(upload_decided, answer.json()), answer.json()
    make_screening(make_upload(source="platform"), score=0.01)
    assert curl(report, token=token).status_code == 201
    answer = curl(appeal, token=token)
    assert answer.status_code == 201
    assert same(appealed, answer.json()), answer.json()
    listed = curl(objections, token=token).json()
    assert len(listed) == 1
    assert same(appealed, listed[0])


def test_after_the_token_is_revoked_no_call_works() -> None:
    token = issue_token()
    revoke = next(command for command in commands(PAGE) if "revoke" in command.words)
    call_command(*revoke.words[revoke.words.index("manage.py") + 1 :], stdout=io.StringIO())
    assert {curl(call, token=token).status_code for call in calls()} == {401}


def test_ingest_answers_as_shown() -> None:
    *_, example = answers()
    out = io.StringIO()
    call_command("ingest", ROOT / "demo", "--json", stdout=out)
    counts = json.loads(out.getvalue())
    assert counts.keys() == example.keys()
    assert counts["refused"][0].keys() == example["refused"][0].keys()
    for each in (example, counts):
        assert each["received"] == each["new"] + each["duplicate"] + len(each["refused"])
