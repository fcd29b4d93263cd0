"""Environment variables: values that make no sense are errors, and the page lists every one."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import ranvier

ROOT = pathlib.Path(__file__).parents[3]
PACKAGE = pathlib.Path(ranvier.__file__).parent
PROGRAM = """
import ranvier as keras
keras.jit(lambda x: x + 1)(keras.ops.ones((2,)))
"""


def run(**environment):
    path = os.pathsep.join([str(PACKAGE.parent), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["RANVIER_ISA", "RANVIER_VERBOSE", "RANVIER_DUMP", "RANVIER_EXACT", "RANVIER_NUM_THREADS"],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(name):
    done = run(**{name: "nonsense"})
    assert done.returncode == 1  # an exception, not the end of the process
    assert name in done.stderr
    assert "nonsense" in done.stderr
    assert "Expected" in done.stderr


def test_a_stage_of_the_compiler_is_printed():
    done = run(RANVIER_DUMP="trace")
    assert done.returncode == 0, done.stderr
    assert ": trace" in done.stderr


def test_the_page_lists_what_the_sources_read():
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    sources = [*(ROOT / "cpp").rglob("*.h"), *(ROOT / "cpp").rglob("*.cpp")]
    sources += (ROOT / "python" / "ranvier").rglob("*.py")
    read = {
        name
        for path in sources
        for name in re.findall(r'"(RANVIER_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    listed = set(re.findall(r"^\| `(RANVIER_[A-Z_]+)`", page, re.MULTILINE))
    assert read
    assert read == listed
