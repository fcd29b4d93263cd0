"""Tracebacks of errors show the caller's frames; those of the package only when asked for."""

import inspect
import pathlib
import traceback

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

PACKAGE = pathlib.Path(keras.__file__).parent


class Unequal(keras.Model):
    """Adds tensors of shapes that do not broadcast."""

    def __init__(self):
        super().__init__()
        self.three, self.four = layers.Dense(3), layers.Dense(4)

    def call(self, x):
        return self.three(x) + self.four(x)


def frames_of(fn):
    """Functions on the way from here to the error, and how many of them are the package's."""
    with pytest.raises(ValueError, match="do not broadcast") as caught:
        fn()
    # The first two are pytest's way in.
    frames = traceback.extract_tb(caught.value.__traceback__)[1:]
    own = [frame for frame in frames if pathlib.Path(frame.filename).is_relative_to(PACKAGE)]
    return [frame.name for frame in frames], len(own)


def fit():
    model = Unequal()
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2), "float32"), np.ones((4, 4), "float32"), verbose=0)


def call():
    Unequal()(np.ones((4, 2), "float32"))


def nested_call():
    keras.Sequential([keras.Sequential([Unequal()])])(np.ones((4, 2), "float32"))


def test_a_call_shows_one_frame_of_the_package():
    names, own = frames_of(call)
    assert names == ["call", "__call__", "call"]
    assert own == 1


def test_nested_models_add_no_frames():
    names, own = frames_of(nested_call)
    assert names == ["nested_call", "__call__", "__call__", "call"]  # Sequential has its own
    assert own == 2


def test_fit_shows_one_frame_of_the_package():
    names, own = frames_of(fit)
    assert names == ["fit", "filtering", "call"]
    assert own == 1


@pytest.mark.parametrize("fn", [fit, call, nested_call])
def test_every_frame_without_filtering(fn):
    keras.config.disable_traceback_filtering()
    try:
        names, own = frames_of(fn)
    finally:
        keras.config.enable_traceback_filtering()
    assert own > 3
    assert names[-1] == "call"


def test_a_cause_is_kept():
    class Failing(layers.Layer):
        def call(self, x):
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("outer") from error

    with pytest.raises(ValueError, match="outer") as caught:
        Failing()(np.ones((1, 1), "float32"))
    assert isinstance(caught.value.__cause__, KeyError)


def test_methods_of_models_keep_their_signature_and_name():
    assert "validation_split" in inspect.signature(keras.Model.fit).parameters
    with pytest.raises(TypeError, match=r"Model\.fit\(\) got an unexpected keyword .*'epoch'"):
        keras.Sequential([layers.Dense(1)]).fit(np.ones((2, 2)), epoch=3)
