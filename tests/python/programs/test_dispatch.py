"""RANVIER_VERBOSE=dispatch says what was chosen, what was refused, and why."""

import os
import subprocess
import sys

PROGRAM = """
import numpy as np
import ranvier as keras
model = keras.Sequential(
    [
        keras.Input((16, 16, 32)),
        keras.layers.Conv2D(32, 3),
        keras.layers.Conv2D(32, 3, strides=2, padding="same"),
        keras.layers.Flatten(),
        keras.layers.Dense(4),
    ]
)
model.compile("sgd", "mse")
x = np.zeros((1, 16, 16, 32), "float32")
model.fit(x, np.zeros((1, 4)), verbose=0)
"""


def test_choices_and_refusals_are_told():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "RANVIER_VERBOSE": "dispatch"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("dispatch: ")]
    assert any("fused_conv(" in line and "flops" in line for line in lines)
    told = "\n".join(lines)
    assert "refused winograd: the program changes the filter" in told
    assert "conv 16x16x32 to 32: refused winograd 2x2: little work" in told
    assert "refused winograd: strides or dilation" in told
    assert "conv 16x16x32 to 32: refused padded: every tap lies inside x" in told
    assert "refused row_sum and dots: no operand is a vector" in told


def test_nothing_is_told_unasked():
    environment = {k: v for k, v in os.environ.items() if k != "RANVIER_VERBOSE"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert "dispatch" not in done.stderr
