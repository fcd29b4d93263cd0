"""The checks of `make lint` find what they are there to find."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def floors() -> ModuleType:
    return load("check_floors")


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_includes_that_look_up_or_across_are_found(floors, tmp_path, monkeypatch):
    monkeypatch.setattr(floors, "CPP", tmp_path)
    write(
        tmp_path,
        {
            "base/a.h": '#include "tensor/t.h"\n',
            "tensor/t.h": '#include <vector>\n#include "ops/o.h"\n',
            "ops/o.h": "",
            "kernels/cpu/k.h": '#include "kernels/cuda/c.h"\n',
            "kernels/cuda/c.h": '#include "base/b.h"\n',
            "base/b.h": "",
        },
    )
    assert list(floors.cpp_problems(floors.cpp_graph())) == [
        "cpp/base/a.h: includes tensor/t.h, which stands above it",
        "cpp/kernels/cpu/k.h: includes kernels/cuda/c.h of another device",
    ]


def test_imports_that_look_up_are_found_in_functions_too(floors, tmp_path, monkeypatch):
    monkeypatch.setattr(floors, "PACKAGE", tmp_path)
    write(
        tmp_path,
        {
            "__init__.py": "",
            "ops/__init__.py": "from . import nn\n",
            "ops/nn.py": "def f():\n    from ranvier.layers import dense\n",
            "layers/__init__.py": "",
            "layers/dense.py": "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from ranvier.models import model\n"
            "from ranvier import _core\n",
            "models/model.py": "from ..layers.dense import Dense\n",
            "models/__init__.py": "",
            "stray.py": "",
        },
    )
    assert list(floors.python_problems(floors.python_graph(late=True))) == [
        "ranvier.ops.nn: imports ranvier.layers.dense, which stands above it",
        "ranvier.stray: on no floor. Hint: place it in scripts/check_floors.py.",
        "ranvier.layers.dense: imports _core; only ranvier._backend may",
    ]


def test_cycles_are_found(floors):
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"d"}}
    assert list(floors.cycles(graph)) == ["cycle: a, b, c"]
    assert list(floors.cycles({"a": {"b"}, "b": set()})) == []


def test_code_lines_leave_out_comments_and_docstrings():
    sizes = load("check_sizes")
    text = '"""Module."""\n\nX = """two\nlines"""  # note\n\n\ndef f():\n    "Doc."\n    return X\n'
    assert sizes.python_code_lines(text) == 4
    assert sizes.cpp_code_lines("// note\n\nint x;  // note\n  // note\n}\n") == 2


def test_weak_symbols_are_found(tmp_path):
    folder = tmp_path / "ranvier_kernels_gemm_avx2.dir"
    folder.mkdir()
    command = [sys.executable, str(SCRIPTS / "check_symbols.py"), str(tmp_path)]
    compiler = ["c++", "-x", "c++", "-c", "-", "-o", str(folder / "a.o")]
    for code, weak in (
        ("static int f() { return 1; } int g() { return f(); }", False),
        ("inline int f() { return 1; } int g() { return f(); }", True),
    ):
        subprocess.run(compiler, input=code, text=True, check=True)
        result = subprocess.run(command, capture_output=True, text=True)
        assert ("weak symbol f()" in result.stdout) == weak
        assert (result.returncode != 0) == weak
