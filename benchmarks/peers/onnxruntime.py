"""ONNX Runtime's rows: inference, all graph optimizations on."""

from __future__ import annotations

import numpy as np
import onnxruntime

from benchmarks import models
from benchmarks.networks import NETWORKS
from benchmarks.peers import fastest, onnx_graphs, repeat

VERSION = onnxruntime.__version__
_threads = 1
_BUILD = {"mlp": onnx_graphs.mlp, "transformer": onnx_graphs.transformer}


def session(model: bytes) -> onnxruntime.InferenceSession:
    """A session on the CPU; optimizations are all on by default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = _threads, 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _session(name, batch):
    if name in NETWORKS:
        return session(onnx_graphs.network(name, batch))
    return session(_BUILD[name](onnx_graphs.random_weights(name), batch))


def infer(name, batch):
    x = models.sample(name, batch)
    if name in NETWORKS:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    run = _session(name, batch)
    output = [run.get_outputs()[0].name]

    def plain():
        return repeat(lambda: run.run(output, {"x": x}))

    def bound():
        """Input and output bound once; the input is read anew in each run."""
        binding = run.io_binding()
        binding.bind_cpu_input("x", x)
        result = onnxruntime.OrtValue.ortvalue_from_numpy(run.run(output, {"x": x})[0])
        binding.bind_ortvalue_output(output[0], result)

        def once():
            run.run_with_iobinding(binding)
            return result.numpy()

        return repeat(once)

    return fastest(plain, bound)


def set_threads(count: int) -> None:
    global _threads
    _threads = count


KINDS = {"infer": infer, "predict": infer, "call": infer}
