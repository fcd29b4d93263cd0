"""The benchmarks measure the same thing for everybody, and say truly who is ahead."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ranvier as keras

ROOT = Path(__file__).resolve().parents[3]
SIZES = {"resnet20": 32, "resnet50": 64, "vgg16": 32, "mobilenet_v2": 64}


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def load(name):
    return importlib.import_module(f"benchmarks.{name}")


def onnx_outputs(model: bytes, x):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ascontiguousarray(x)})[0]


def assert_close(found, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, atol=2e-5)


def test_rows_are_told_apart_and_known_to_ranvier():
    rows, ours = load("rows"), load("peers.ranvier")
    assert len(rows.BY_NAME) == len(rows.ROWS) + len(rows.EVERYDAY)
    assert {row.kind for row in rows.ROWS} <= {"memory", *ours.KINDS}
    assert {row.group for row in rows.ROWS} - {None} == set(rows.GROUPS)


def test_resnet50_has_23_distinct_convolutions():
    assert len(load("networks").resnet50_convolutions()) == 23


@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_onnx_graph_computes_what_the_keras_model_computes(name):
    pytest.importorskip("onnx")
    models, graphs = load("models"), load("peers.onnx_graphs")
    model, x = models.MODELS[name](keras), models.sample(name, 2)
    weights = [w + np.float32(0.01) for w in model.get_weights()]
    assert [w.shape for w in weights] == [w.shape for w in graphs.random_weights(name)]
    model.set_weights(weights)
    assert_close(onnx_outputs(getattr(graphs, name)(weights, 2), x), model.predict(x, verbose=0))


def network_and_kernels(name):
    """The Keras network, images and the weights that are not of normalizations or biases."""
    models = load("models")
    model = models.network(keras, name, SIZES[name])
    kernels = [np.asarray(w) for w in model.weights if w.name == "kernel"]
    return model, models.random(2, SIZES[name], SIZES[name], 3), kernels


@pytest.mark.parametrize("name", SIZES)
def test_onnx_network_computes_what_the_keras_network_computes(name):
    pytest.importorskip("onnx")
    model, x, kernels = network_and_kernels(name)
    graph = load("peers.onnx_graphs").network(name, 2, SIZES[name], kernels)
    found = onnx_outputs(graph, x.transpose(0, 3, 1, 2))
    assert_close(found, model.predict(x, verbose=0))


@pytest.mark.parametrize("name", SIZES)
def test_torch_network_computes_what_the_keras_network_computes(name):
    torch = pytest.importorskip("torch")
    model, x, kernels = network_and_kernels(name)
    module = load("peers.torch_layers").network(name, SIZES[name], kernels).eval()
    with torch.inference_mode():
        found = module(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    assert_close(found, model.predict(x, verbose=0))


def run_of(results, **changes):
    return {
        "date": "d", "command": "c", "threads": 2, "peer_isa": None, "rounds": 3, "cpu": "x",
        "isa": "avx2", "load": [0.0, 0.0], "versions": {"ranvier": "1", "numpy": "2"},
        "roofline": {"flops_per_second": 1e9, "bytes_per_second": 1e9, "barrier_seconds": 1e-6},
        "rows": results, **changes,
    }  # fmt: skip


def spread(median):
    return {"median": median, "min": median, "max": median}


def test_report_shows_the_rows_where_we_lose_first(tmp_path):
    report = load("report")
    run = run_of({
        "mlp_fit_32": {"ranvier": spread(1e-4), "numpy": spread(1e-3)},
        "gemm_512": {"ranvier": spread(2e-3), "numpy": spread(1e-3)},
        "gemm_256": {"ranvier": spread(1e-3), "numpy": spread(1.2e-3)},
    })  # fmt: skip
    path = tmp_path / "RESULTS.md"
    path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_results(path, run)
    text = path.read_text()
    lost, short, held = map(text.index, ("512³", "256³", "784-200-10"))
    assert lost < short < held and "0.50x numpy (bar 1.3x: MISSED)" in text
    assert "old" not in text and text.startswith("before") and text.endswith("after\n")
    assert any("together 0.77x" in entry for entry in report.groups(run))


def test_verdict_without_a_peer_or_a_figure():
    report, rows = load("report"), load("rows")
    row = rows.BY_NAME["eager_add"]
    assert report.verdict(row, {"ranvier": {"missing": "no such row"}}) == "not measured"
    assert "held" in report.verdict(row, {"ranvier": spread(1e-7), "numpy": {}})
    assert "MISSED" in report.verdict(row, {"ranvier": spread(1e-5)})


def test_worker_measures_time_and_answers_for_what_it_has_not():
    worker, ours = load("worker"), load("peers.ranvier")
    server = worker.Server(ours, 0.01)
    assert 0 < server.answer("eager_add")["value"] < 0.1
    assert worker.Server(load("peers.numpy")).answer("cnn_fit_128") == {"missing": "no such row"}


@pytest.mark.parametrize("library", ["ranvier", "numpy", "torch"])
def test_rows_of_single_operations_run(library):
    pytest.importorskip(library)
    peer, rows = load(f"peers.{library}"), load("rows")
    names = ["gemm_32x784x200_tt", "gemm_1x784x200", "sigmoid_1e6", "adam"]
    names += [f"{kind}_2048x7_512_1_1" for kind in ("conv", "conv_grad")]
    names += [row.name for row in rows.ROWS if row.kind in ("operation", "eager")]
    for name in names:
        row = rows.BY_NAME[name]
        block = peer.KINDS[row.kind](*row.args) if row.kind in peer.KINDS else None
        if block is not None:
            block(1)
        else:
            assert library == "numpy"


def numbers(results):
    """Real numbers of one result or several, one after the other; of a sort, the values alone."""
    results = results if isinstance(results, (tuple, list)) else [results]
    arrays = [np.asarray(result).ravel() for result in results]
    whole = np.concatenate(arrays)
    return np.concatenate([whole.real, whole.imag]) if np.iscomplexobj(whole) else whole


def assert_same_numbers(found, expected, name):
    expected = expected.astype("float64")
    np.testing.assert_allclose(
        found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max(), err_msg=name
    )


def test_everyday_operations_of_ranvier_and_numpy_are_the_same():
    for name, row in load("everyday").OPERATIONS.items():
        if row.numpy is not None:
            arrays = row.arrays()
            found = row.keras(keras.ops, *map(keras.ops.convert_to_tensor, arrays))
            assert_same_numbers(numbers(found), numbers(row.numpy(np, *arrays)), name)


def test_everyday_operations_of_ranvier_and_torch_are_the_same():
    torch, tensor = pytest.importorskip("torch"), load("peers.torch_ops").tensor
    for name, row in load("everyday").OPERATIONS.items():
        arrays = row.arrays()
        found = numbers(row.keras(keras.ops, *map(keras.ops.convert_to_tensor, arrays)))
        # Images lie channels first, and sorts give their order as well.
        expected = row.torch(torch, *map(tensor, arrays))
        if isinstance(expected, torch.return_types.sort):
            expected = expected.values
        assert_same_numbers(np.sort(found), np.sort(numbers(expected)), name)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_peak_memory_counts_what_a_step_takes():
    program = """
import numpy as np
from benchmarks import worker

class Peer:
    KINDS = {"fit": lambda model, batch: lambda n: np.ones(1 << 24, np.float32).sum()}

print(worker.peak_memory(Peer, "mlp", 32)["value"])
"""
    command = [sys.executable, "-c", program]
    taken = int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    assert 60 << 20 < taken < 100 << 20


def test_peers_get_their_threads_and_their_instruction_set():
    processes = load("processes")
    theirs = processes.environment("torch", "python", 1, "avx2", "avx2")
    ours = processes.environment("ranvier", sys.executable, 2, "avx2", "avx2")
    assert theirs["MKL_NUM_THREADS"] == "1" and theirs["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert ours["RANVIER_ISA"] == "avx2" and ours["RANVIER_NUM_THREADS"] == "2"
    assert "ONEDNN_MAX_CPU_ISA" not in ours
