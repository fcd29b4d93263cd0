"""The libraries' processes: their environment, their instruction set, what they answer."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The module without which a library is left out.
NEEDS = {
    "ranvier": "ranvier",
    "numpy": "numpy",
    "torch": "torch",
    "onnxruntime": "onnxruntime",
    "keras_jax": "jax",
    "keras_tf": "tensorflow",
}

# What keeps libraries below an instruction set. ONNX Runtime's kernels have no such switch.
PEER_LIMITS = {
    None: {},
    "avx2": {
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR AVX512F AVX512CD AVX512_SKX",
    },
}
UNLIMITED = {"onnxruntime"}


def environment(library: str, python: str, threads: int, isa=None, peer_isa=None) -> dict:
    """The variables of a library's process."""
    path = [str(ROOT), *(sys.path if python == sys.executable else [])]
    variables = dict(os.environ, PYTHONPATH=os.pathsep.join(path), TF_CPP_MIN_LOG_LEVEL="2")
    for name in ("OMP", "OPENBLAS", "MKL", "RANVIER"):
        variables[f"{name}_NUM_THREADS"] = str(threads)
    if library != "ranvier":
        variables.update(PEER_LIMITS[peer_isa])
    elif isa:
        variables["RANVIER_ISA"] = isa
    return variables


class Process:
    """A library's process; `hello` is what it said of itself, `None` when it cannot start."""

    def __init__(self, library: str, python: str, options):
        self._recipe = library, python, options
        command = [python, "-m", "benchmarks.worker", library, str(options.threads),
                   str(options.block), options.clock]  # fmt: skip
        if options.threads == 1:
            command = ["taskset", "-c", "0", *command]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=None if options.verbose else subprocess.DEVNULL, text=True,
            env=environment(library, python, options.threads, options.isa, options.peer_isa),
        )  # fmt: skip
        line = self._process.stdout.readline()
        self.hello = json.loads(line) if line else None

    def again(self) -> Process:
        """Another process of the same library."""
        return Process(*self._recipe)

    def ask(self, row: str) -> dict:
        """One block of a row: `{"value": ...}` or `{"missing": reason}`."""
        try:
            self._process.stdin.write(json.dumps({"row": row}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"missing": "the process ended"}

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)


def start(options) -> dict[str, Process]:
    """Processes of the libraries that are installed, each in the first environment that has it."""
    found = {}
    for library, module in NEEDS.items():
        if options.peers and library not in ("ranvier", *options.peers.split(",")):
            continue
        pythons = [sys.executable, *(options.peer_python if library != "ranvier" else [])]
        for python in pythons:
            if python == sys.executable and importlib.util.find_spec(module) is None:
                continue
            process = Process(library, python, options)
            if process.hello is not None:
                found[library] = process
                break
    return found
