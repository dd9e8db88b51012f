"""Each kind of process loads only the packages that it needs: a package costs time at every start, and memory."""

import subprocess
import sys

import pytest

CONVERSION = {"google.protobuf", "moderation.classifiers.conversion", "onnx", "safetensors"}

DECODE_PROCESS = "import moderation.decoding.child.__main__"

#: The worker imports most modules inside functions, after it has set up Django.
WORKER = """
import ast, inspect
from moderation.screening import worker_main
worker_main._set_up_django({"database": {}, "settings": {}})
nodes = ast.walk(ast.parse(inspect.getsource(worker_main)))
imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
exec(compile(ast.Module(imports, []), "imports", "exec"))
"""

WEB = """
import django
django.setup()
import moderation.urls, moderation.wsgi
"""


def loaded_by(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())


@pytest.mark.parametrize("code", [DECODE_PROCESS, WORKER, WEB], ids=["decode process", "worker", "web"])
def test_no_process_that_runs_all_day_or_all_night_loads_conversion(code: str) -> None:
    assert loaded_by(code).isdisjoint(CONVERSION)


def test_the_decode_process_loads_neither_the_application_nor_the_engine() -> None:
    loaded = loaded_by(DECODE_PROCESS)
    assert "moderation.decoding.child.pixels" in loaded
    assert loaded.isdisjoint({"django", "onnxruntime", "psycopg", "pydantic", "scipy"})
    assert not any(name.startswith(("moderation.inference", "moderation.models")) for name in loaded)


def test_a_worker_loads_no_pages() -> None:
    loaded = loaded_by(WORKER)
    assert "moderation.screening.engine" in loaded
    assert not any(name.startswith("reviewqueue") for name in loaded)
