import json
from typing import Any

import pytest
from django.core.management import call_command

from moderation.models import PolicyVersion
from tests.factories import use_red_classifier


@pytest.fixture
def red_policy(transactional_db: None) -> PolicyVersion:
    """Low 0.2, high 0.8, no audits: a test chooses the score by choosing a colour."""
    return use_red_classifier(audit_rate_approve=0.0, audit_rate_reject=0.0)


@pytest.fixture
def prescreen(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command as an operator does and return its report."""

    def run(*arguments: str) -> dict[str, Any]:
        call_command("prescreen", "--json", "--processes", "1", *arguments)
        report: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return report

    return run
