"""Docstrings of the public names: examples run as printed, arguments are named."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
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
OBJECTS = list(_objects())
TESTS = [PARSER.get_doctest(value.__doc__ or "", {}, name, None, 0) for name, value in OBJECTS]
EXAMPLES = {test.name: test for test in TESTS if test.examples}

# All applications share one example. These have up to a GB of weights, which takes a second each.
LARGE = {
    f"ranvier.applications.{name}"
    for name in ("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge", "VGG16", "VGG19")
}
# What an `ImportError` of a docstring speaks of.
OPTIONAL = {
    "Pillow": "PIL",
    "matplotlib": "matplotlib",
    "scikit-learn": "sklearn",
    "tensorboardX": "tensorboardX",
    "Orbax": "orbax.checkpoint",
}


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in LARGE])
def test_the_example_runs_as_printed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    test = EXAMPLES[name]
    for package in re.findall(r"ImportError: (\S+) is not installed", test.docstring):
        pytest.importorskip(OPTIONAL[package])
    test.globs = dict(NAMES)
    failures = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=failures.append)
    assert runner.failures == 0, "".join(failures)


def test_most_names_have_an_example():
    assert len(EXAMPLES) > 930


# What the first sentence speaks of, what is explained in one place for all, and namespaces that are
# to come.
PLAIN = set(
    "x x1 x2 y a b xs inputs images data name dtype self obj identifier config structure "
    "custom_objects module_objects activation dtype_policy initializer instance "
    "learning_rate_schedule".split()
)
TO_COME = ("ranvier.distribution.", "ranvier.export.")


def _unnamed(value) -> list:
    """Arguments that a docstring does not name."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return []
    named = set(re.findall(r"\w+", value.__doc__ or "")) | PLAIN
    stars = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.kind not in stars and p.name not in named]


def test_docstrings_name_every_argument():
    unnamed = {
        name: missing
        for name, value in OBJECTS
        if not name.startswith(TO_COME)
        and not name.split(".")[-2][0].isupper()  # methods: a class says what it takes
        and (missing := _unnamed(value))
    }
    assert not unnamed
