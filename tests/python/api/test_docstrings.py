"""Docstrings of the public names: their examples run as printed."""

from __future__ import annotations

import doctest
import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

# What an example may use without importing it.
NAMES = {"keras": keras, "ranvier": keras, "layers": layers, "ops": ops, "np": np}


def _public_api():
    scripts = str(Path(__file__).resolve().parents[3] / "scripts")
    sys.path.insert(0, scripts)
    try:
        return importlib.import_module("public_api")
    finally:
        sys.path.remove(scripts)


def _objects():
    """(name, object) of public functions and classes, and of their methods, each object once."""
    api, seen = _public_api(), set()
    for namespace in api.namespaces():
        for name, value in api.members(namespace):
            if not callable(value) or id(value) in seen:
                continue
            seen.add(id(value))
            yield f"{namespace}.{name}", value
            if inspect.isclass(value):
                for key, method in vars(value).items():
                    method = getattr(method, "__func__", method)
                    if inspect.isfunction(method) and not key.startswith("_"):
                        yield f"{namespace}.{name}.{key}", method


PARSER = doctest.DocTestParser()
TESTS = [PARSER.get_doctest(value.__doc__ or "", {}, name, None, 0) for name, value in _objects()]
EXAMPLES = {test.name: test for test in TESTS if test.examples}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs_as_printed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    test = EXAMPLES[name]
    test.globs = dict(NAMES)
    failures = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=failures.append)
    assert runner.failures == 0, "".join(failures)


def test_most_names_have_an_example():
    assert len(EXAMPLES) > 550
