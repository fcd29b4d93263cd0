"""Every program of `examples` runs to its end in its short form, without a warning, and learns."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import ranvier

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples"

# Program, arguments, pattern of the number it prints, and what it must reach at least.
PROGRAMS = [
    ("functional_api", ["--quick"], r"same digit: accuracy ([\d.]+)", 0.7),
    ("subclassing", ["--quick"], r"test accuracy ([\d.]+)", 0.9),
    ("custom_train_step", ["--quick"], r"test accuracy of the teacher ([\d.]+)", 0.85),
    ("own_loop", ["--quick"], r"test accuracy ([\d.]+)", 0.9),
    ("masking", ["--quick"], r"accuracy of the whole ([\d.]+)", 0.9),
    ("callbacks", ["--quick", "{folder}"], r"test accuracy of the best model ([\d.]+)", 0.85),
    ("transfer_learning", ["--quick"], r"after tuning all of it: test accuracy ([\d.]+)", 0.85),
    ("serialization", ["--quick"], r"a config of \d+ characters holds (\d+) layers", 3),
    ("gan", ["--quick"], r"clusters reached: (\d+)", 4),
    ("seq2seq", ["--quick"], r"digits written right ([\d.]+)", 0.85),
    ("transformer_classifier", ["--quick"], r"test accuracy ([\d.]+)", 0.9),
    ("segmentation", ["--quick"], r"over union ([\d.]+)", 0.75),
    ("dqn", ["--quick"], r"best (\d+) steps", 40),
]
# These need data that the package does not bring along.
ON_DATA = [
    ("mnist_mlp", ["--quick"], r"accuracy ([\d.]+) %", 94.0),
    ("mnist_cnn", ["--epochs", "1", "--rows", "2000"], r"accuracy ([\d.]+) %", 70.0),
]
NEED_H5PY = {"callbacks", "serialization"}


def _run(name, arguments, folder):
    given = [argument.format(folder=folder) for argument in arguments]
    # The program runs in another folder and must find the package that is tested here.
    package = pathlib.Path(ranvier.__file__).parents[1]
    paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *given],
        capture_output=True, text=True, cwd=folder, timeout=600, check=False,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("name,arguments,pattern,least", PROGRAMS, ids=[p[0] for p in PROGRAMS])
def test_example(name, arguments, pattern, least, tmp_path):
    if name in NEED_H5PY:
        pytest.importorskip("h5py")
    printed = re.search(pattern, _run(name, arguments, tmp_path))
    assert printed is not None
    assert float(printed[1]) >= least


@pytest.mark.parametrize("name,arguments,pattern,least", ON_DATA, ids=[p[0] for p in ON_DATA])
def test_example_on_data(name, arguments, pattern, least, tmp_path):
    folder = os.environ.get("RANVIER_DATA")
    if not folder or not (pathlib.Path(folder) / "mnist").is_dir():
        pytest.skip("RANVIER_DATA names no folder with MNIST")
    if name == "mnist_cnn":
        pytest.importorskip("h5py")
    printed = re.findall(pattern, _run(name, arguments, tmp_path))
    assert float(printed[-1]) >= least


def test_timeseries(tmp_path):
    printed = _run("timeseries", ["--quick"], tmp_path)
    errors = {name: float(error) for name, error in re.findall(r"([\w ]+): ([\d.]+)", printed)}
    assert max(errors["convolutional"], errors["recurrent"]) < 0.8 * errors["as now"]


def test_vae(tmp_path):
    printed = _run("vae", ["--quick"], tmp_path)
    first, last = map(float, re.findall(r"loss ([\d.]+) -> ([\d.]+)", printed)[0])
    assert last < 0.9 * first


def test_every_example_is_tested():
    tests = [
        path.read_text(encoding="utf-8") for path in pathlib.Path(__file__).parent.glob("*.py")
    ]
    untested = [p.stem for p in EXAMPLES.glob("*.py") if not any(f'"{p.stem}' in t for t in tests)]
    assert untested == []
