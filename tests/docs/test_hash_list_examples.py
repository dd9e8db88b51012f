"""The CSV example of docs/hash-lists.md is a file that an import accepts."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from moderation.models import HashEntry
from tests.docs.markdown import ROOT, blocks
from tests.factories import make_hash_list, make_user


@pytest.mark.django_db(transaction=True)
def test_the_csv_example_can_be_imported(tmp_path: Path) -> None:
    make_user("ada", group="admin")
    make_hash_list(name="partners")
    example = next(block for block in blocks(ROOT / "docs" / "hash-lists.md") if block.tag == "csv")
    (tmp_path / "list.csv").write_text(example.text + "\n", encoding="utf-8")
    out = io.StringIO()
    call_command(
        "hashlists", "import", str(tmp_path / "list.csv"), "--list", "partners", "--by", "ada", "--why", "A test.",
        "--json", stdout=out,
    )  # fmt: skip
    rows = example.text.count("\n")
    assert json.loads(out.getvalue())["new"] == rows
    assert HashEntry.objects.count() == rows
