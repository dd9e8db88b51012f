"""A whole night, smaller than the benchmark's: four kill -9, a second process group, and the same night once more."""

import subprocess
import sys

import pytest
from django.conf import settings

COUNT = 2000


@pytest.mark.slow
def test_a_night_with_four_kills_is_whole_and_the_same_night_again_changes_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.night", "--count", str(COUNT)]
    ended = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for words in (f"{COUNT:,} uploads, 4 kill -9", "`verify`: clean", "**no row changed**", "10: 10 truncated"):
        assert words in ended.stdout
