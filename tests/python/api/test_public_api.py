"""The public names with their signatures and defaults are those of the stored list."""

from __future__ import annotations

import difflib
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture(scope="module")
def api():
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module("public_api")
    finally:
        sys.path.remove(str(SCRIPTS))


def test_the_api_is_as_stored(api):
    stored = api.STORED.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(stored, api.lines(), "stored", "package", n=0, lineterm=""))
    assert not changes, "\n".join(
        [*changes, "Meant so? Then run: python scripts/public_api.py --write"]
    )


def test_every_public_name_is_described(api):
    bare = [
        f"{namespace}.{name}"
        for namespace in api.namespaces()
        for name, value in api.members(namespace)
        if callable(value) and not (inspect.getdoc(value) or "").strip()
    ]
    assert not bare


def test_namespaces_have_their_names_and_say_what_they_are(api):
    for namespace in api.namespaces():
        module = importlib.import_module(namespace)
        assert module.__doc__, namespace
        assert len(set(module.__all__)) == len(module.__all__), namespace
        with pytest.raises(AttributeError):
            module.no_such_name  # noqa: B018


def test_signatures_as_text(api):
    def example(a, b=1, *rest, c="x", d=len, **others):
        return a

    assert api.signature_text(example) == "(a, b=1, *rest, c='x', d=len, **others)"
    assert api.signature_text(lambda a, *, b=None: a) == "(a, *, b=None)"


def test_reference_pages(api, tmp_path):
    reference = importlib.import_module("build_reference")
    pages = {p.name: p.read_text(encoding="utf-8") for p in reference.build(tmp_path)}
    assert "[ranvier.layers](ranvier.layers.md)" in pages["README.md"]
    dense = pages["ranvier.layers.md"].split("\n## `Dense(")[1].split("\n## ")[0]
    assert dense.startswith("units, activation=None") and "- `units`: " in dense
    doc = (
        "What.\n\nArgs:\n    x: tensor\n        of rows.\n    a,\n        b: two.\n\n"
        "Example:\n    >>> 1\n"
    )
    assert list(reference.render(doc)) == [
        "What.", "", "**Args**", "", "- `x`: tensor", "  of rows.", "- `a, b`: two.", "",
        "**Example**", "", "```python", ">>> 1", "```", "",
    ]  # fmt: skip


def test_the_reference_is_written_by_a_process_of_its_own(tmp_path):
    script = str(SCRIPTS / "build_reference.py")
    subprocess.run([sys.executable, script, str(tmp_path)], check=True, capture_output=True)
    assert "## `inv(x)`" in (tmp_path / "ranvier.ops.linalg.md").read_text(encoding="utf-8")


def test_layers_of_other_frameworks_say_why_they_are_not_here():
    import ranvier

    with pytest.raises(AttributeError, match="FlaxLayer.*Flax.*set_weights"):
        ranvier.layers.FlaxLayer  # noqa: B018


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("models", "load_model"),
        ("utils", "PyDataset"),
        ("wrappers", "SKLearnClassifier"),
        ("visualization", "plot_image_gallery"),
        ("layers", "Dense"),
    ],
)
def test_names_that_are_loaded_late_are_listed(package, name):
    module = importlib.import_module(f"ranvier.{package}")
    assert name in dir(module) and callable(getattr(module, name))
