"""Checkpoints through Orbax: what comes back, what is kept, what Keras reads."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


def model():
    made = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, name="first"),
            layers.BatchNormalization(name="normal"),
            layers.Dense(1, name="last"),
        ],
        name="net",
    )
    made.compile("adam", "mse", metrics=["mae"])
    return made


def test_without_orbax_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match="pip install orbax-checkpoint"):
        keras.callbacks.OrbaxCheckpoint("steps")


def test_folders_that_hold_no_checkpoint_are_refused(tmp_path):
    (tmp_path / "notes").mkdir()
    with pytest.raises((ValueError, OSError)):
        keras.models.load_model(tmp_path)
    with pytest.raises(ValueError, match="not supported"):
        model().load_weights(tmp_path)


class TestWithOrbax:
    @pytest.fixture(autouse=True)
    def needs_orbax(self):
        pytest.importorskip("orbax.checkpoint")

    @pytest.mark.parametrize("background", [True, False])
    def test_the_newest_model_comes_back(self, tmp_path, background):
        trained = model()
        save = keras.callbacks.OrbaxCheckpoint(
            tmp_path / "steps", max_to_keep=2, save_on_background=background
        )
        trained.fit(X, Y, epochs=4, callbacks=[save], verbose=0)
        assert sorted(n for n in os.listdir(tmp_path / "steps") if n.isdigit()) == ["2", "3"]
        again = keras.models.load_model(tmp_path / "steps")
        for a, b in zip(again.variables, trained.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        for a, b in zip(again.optimizer.variables, trained.optimizer.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        again.fit(X, Y, verbose=0)
        other = model()
        other.load_weights(tmp_path / "steps" / "3")
        np.testing.assert_array_equal(other.predict(X, verbose=0), trained.predict(X, verbose=0))

    def test_batches_and_weights_alone(self, tmp_path):
        trained = model()
        save = keras.callbacks.OrbaxCheckpoint(
            tmp_path, save_freq=3, max_to_keep=None, save_weights_only=True
        )
        trained.fit(X, Y, batch_size=2, epochs=2, callbacks=[save], verbose=0)
        assert sorted(n for n in os.listdir(tmp_path) if n.isdigit()) == ["3", "6"]
        with pytest.raises(ValueError, match="save_weights_only"):
            keras.models.load_model(tmp_path)
        model().load_weights(tmp_path)

    def test_weights_that_do_not_fit_leave_the_model_as_it_is(self, tmp_path):
        model().fit(X, Y, callbacks=[keras.callbacks.OrbaxCheckpoint(tmp_path)], verbose=0)
        other = keras.Sequential([keras.Input((3,)), layers.Dense(1, name="last")], name="net")
        before = other.get_weights()
        with pytest.raises(ValueError, match=r"shape \(3, 1\) for net/last/kernel"):
            other.load_weights(tmp_path)
        for a, b in zip(other.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_only_the_best(self, tmp_path):
        save = keras.callbacks.OrbaxCheckpoint(
            tmp_path, "loss", save_best_only=True, max_to_keep=None, initial_value_threshold=-1.0
        )
        model().fit(X, Y, epochs=2, callbacks=[save], verbose=0)
        assert not [n for n in os.listdir(tmp_path) if n.isdigit()]
        missing = keras.callbacks.OrbaxCheckpoint(tmp_path, "val_loss", save_best_only=True)
        with pytest.warns(UserWarning, match="val_loss available"):
            model().fit(X, Y, callbacks=[missing], verbose=0)

    def test_vocabularies_come_back(self, tmp_path):
        lookup = layers.StringLookup(vocabulary=["a", "b"])
        trained = keras.Sequential(
            [keras.Input((1,), dtype="string"), lookup, layers.Embedding(4, 2), layers.Flatten(),
             layers.Dense(1)]
        )  # fmt: skip
        trained.compile("sgd", "mse")
        words = np.array([["a"], ["b"]])
        save = keras.callbacks.OrbaxCheckpoint(tmp_path)
        trained.fit(words, np.ones((2, 1)), callbacks=[save], verbose=0)
        again = keras.models.load_model(tmp_path)
        np.testing.assert_array_equal(
            again.predict(words, verbose=0), trained.predict(words, verbose=0)
        )
