"""The switches of `keras.config`: each changes what it names and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import config, layers


@pytest.fixture(autouse=True)
def as_before():
    kept = config.floatx(), config.epsilon(), config.image_data_format()
    config.dtype_policy()  # made at its first use, with the floatx of that time
    yield
    config.set_floatx(kept[0])
    config.set_epsilon(kept[1])
    config.set_image_data_format(kept[2])
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def test_floatx_is_the_dtype_of_new_tensors_and_variables():
    before = keras.Variable("zeros", shape=(2,))
    config.set_floatx("float64")
    assert keras.ops.ones(2).dtype == keras.Variable("zeros", (2,)).dtype == "float64"
    assert keras.random.normal((2,)).dtype == keras.Input((2,)).dtype == "float64"
    assert before.dtype == "float32"
    with pytest.raises(ValueError, match="float16"):
        config.set_floatx("int32")


def test_epsilon_is_what_normalizations_add():
    config.set_epsilon(1.0)
    assert config.epsilon() == keras.backend.epsilon() == 1.0
    out = keras.ops.rms_normalization(np.array([[1.0, 1.0]]))
    np.testing.assert_allclose(out, [[2**-0.5, 2**-0.5]], rtol=1e-6)


def test_image_data_format_is_the_default_of_layers():
    config.set_image_data_format("channels_first")
    assert layers.Conv2D(4, 3)(np.ones((1, 2, 5, 6), "float32")).shape == (1, 4, 3, 4)
    with pytest.raises(ValueError, match="channels_last"):
        config.set_image_data_format("last")


def _steps_of_fit():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=2, epochs=3, verbose=0)
    return len(history.epoch), int(model.optimizer.iterations)


def test_limits_of_epochs_and_steps():
    assert _steps_of_fit() == (3, 12)
    config.set_max_epochs(2)
    assert config.max_epochs() == 2 and _steps_of_fit() == (2, 8)
    config.set_max_steps_per_epoch(1)
    assert config.max_steps_per_epoch() == 1 and _steps_of_fit() == (2, 2)


def test_limits_come_from_the_environment_too(monkeypatch):
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "1")
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "3")
    assert _steps_of_fit() == (1, 3)
    config.set_max_steps_per_epoch(2)  # a setter comes before the environment
    assert _steps_of_fit() == (1, 2)


def test_interactive_logging_and_traceback_filtering_are_switches():
    for name in ("interactive_logging", "traceback_filtering"):
        is_on = getattr(config, f"is_{name}_enabled")
        before = is_on()
        getattr(config, f"disable_{name}")()
        assert not is_on()
        getattr(config, f"enable_{name}")()
        assert is_on()
        if not before:
            getattr(config, f"disable_{name}")()


def test_there_is_one_backend():
    assert config.backend() == keras.backend.backend()
    with pytest.raises(ValueError, match="unknown backend"):
        config.set_backend("jax")


def test_kinds_of_dtypes_and_names_of_the_backend():
    assert keras.backend.is_float_dtype("bfloat16") and not keras.backend.is_float_dtype("int8")
    assert keras.backend.is_int_dtype("uint8") and not keras.backend.is_int_dtype("float32")
    assert keras.backend.is_keras_tensor(keras.Input((2,)))
    assert not keras.backend.is_keras_tensor(keras.ops.ones(2))
    first = keras.backend.get_uid("row")
    assert keras.backend.get_uid("row") == first + 1
