"""What the settings promise to browsers with and without HTTPS."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

NAMES = [
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
]
READ = f"import json; from moderation import settings; print(json.dumps([getattr(settings, name) for name in {NAMES}]))"


def read(**environment: str) -> list[Any]:
    """Return the settings of `NAMES` as a fresh process reads them."""
    done = subprocess.run(
        [sys.executable, "-c", READ], check=True, env={**os.environ, **environment}, capture_output=True, text=True
    )
    return list(json.loads(done.stdout))


def test_with_https_cookies_belong_to_this_host_alone() -> None:
    assert read(HTTPS="True")[:4] == ["__Host-sessionid", "__Host-csrftoken", True, True]
    assert read(HTTPS="False")[:4] == ["sessionid", "csrftoken", False, False]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HTTPS": "False"}, [0, False, False]),
        ({"HTTPS": "True"}, [31_536_000, False, False]),
        ({"HTTPS": "True", "HSTS_SCOPE": "subdomains"}, [31_536_000, True, False]),
        ({"HTTPS": "True", "HSTS_SCOPE": "preload"}, [31_536_000, True, True]),
    ],
)
def test_other_hosts_and_preloading_are_asked_for_explicitly(environment: dict[str, str], expected: list[Any]) -> None:
    assert read(**environment)[4:] == expected
