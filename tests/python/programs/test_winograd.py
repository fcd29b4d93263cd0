"""3×3 convolutions of inference by minimal filtering: the numbers of the direct sum, weights that
change, and where it is not taken."""

import os
import subprocess
import sys

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers


def residual_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((17, 18, 3))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    shortcut = x = layers.Conv2D(48, 3, padding="same")(x)
    x = layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.Conv2D(40, 3, strides=2)(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


def plan_of(model, mode):
    return next(reversed(model._functions[mode]._cache.values())).program.dump()


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(3, 17, 18, 3)).astype("float32")


def direct(model, x):
    """Op by op, so without any pass of the compiler."""
    model.run_eagerly = True
    y = np.asarray(model(x))
    model.run_eagerly = False
    return y


def test_predictions_equal_the_direct_sum_and_follow_the_weights(x):
    model = residual_model()
    y = model.predict(x, verbose=0)
    assert plan_of(model, "predict").count("winograd") == 2
    np.testing.assert_allclose(y, direct(model, x), 1e-4, 1e-5)
    for factor in (0.5, -1.0):
        for layer in model.layers[1:3]:
            layer.set_weights([w * factor for w in layer.get_weights()])
        np.testing.assert_allclose(model.predict(x, verbose=0), direct(model, x), 1e-4, 1e-5)


def test_training_steps_sum_directly_and_the_trained_weights_predict(x):
    model = residual_model()
    model.compile("sgd", "mse")
    model.predict(x, verbose=0)
    model.fit(x, np.zeros((3, 40)), epochs=2, verbose=0)
    assert "winograd" not in plan_of(model, "train")
    np.testing.assert_allclose(model.predict(x, verbose=0), direct(model, x), 1e-4, 1e-5)


PROGRAM = """
import numpy as np
import ranvier as keras
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((16, 16, 32)), keras.layers.Conv2D(32, 3)])
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(2, 16, 16, 32)).astype("float32")
model.fit(x, np.zeros((2, 14, 14, 32)), verbose=0)
y = model.predict(x, verbose=0)
for mode in ("train", "predict"):
    step = next(reversed(model._functions[mode]._cache.values()))
    print(mode, "winograd" in step.program.dump())
print("sum", repr(float(np.abs(y).sum())))
"""


def run(**variables):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_switch():
    off, always = run(RANVIER_WINOGRAD="off"), run(RANVIER_WINOGRAD="always")
    assert off.stdout.split()[:4] == ["train", "False", "predict", "False"], off.stderr
    assert always.stdout.split()[:4] == ["train", "True", "predict", "True"], always.stderr
    exact = run(RANVIER_EXACT="1", RANVIER_WINOGRAD="always")
    assert exact.stdout.split()[:4] == ["train", "False", "predict", "False"], exact.stderr
    values = [float(r.stdout.split()[-1]) for r in (off, always)]
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    wrong = run(RANVIER_WINOGRAD="yes")
    assert "Expected one of: off, inference, always. Received: 'yes'" in wrong.stderr
