import json
from typing import Any

import pytest
from django.core.management import call_command


@pytest.fixture
def prescreen(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command as an operator does and return its report."""

    def run(*arguments: str) -> dict[str, Any]:
        call_command("prescreen", "--json", "--processes", "1", *arguments)
        report: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return report

    return run
