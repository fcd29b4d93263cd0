"""Models as estimators of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, wrappers
from ranvier.wrappers import sklearn_wrapper

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype("float32")


def network(outputs, activation=None, loss="mse"):
    inputs = x = keras.Input((4,))
    x = layers.Dense(16, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(outputs, activation=activation)(x))
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


def make_network(X, y, loss):
    return network(y.shape[1], "softmax" if loss != "mse" else None, loss)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(sklearn_wrapper, "_base", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        wrappers.SKLearnRegressor(network(1))


class TestWithScikitLearn:
    @pytest.fixture(autouse=True)
    def needs(self):
        pytest.importorskip("sklearn")

    def test_regressor(self):
        y = X @ np.array([1.0, -2.0, 0.5, 0.0], "float32") + 3
        model = network(1)
        before = model.get_weights()
        fit = {"epochs": 30, "verbose": 0}
        estimator = wrappers.SKLearnRegressor(model, fit_kwargs=fit).fit(X, y)
        assert estimator.predict(X).shape == (120,) and estimator.epoch_ == 30
        assert estimator.score(X, y) > 0.9
        for a, b in zip(before, model.get_weights()):
            np.testing.assert_array_equal(a, b)
        with pytest.raises(ValueError, match="1d array"):
            wrappers.SKLearnRegressor(network(2)).fit(X, np.stack([y, y], 1))

    def test_classifier_with_names(self):
        y = np.where(X[:, 0] > 0, "yes", "no")
        estimator = wrappers.SKLearnClassifier(
            make_network,
            model_kwargs={"loss": "categorical_crossentropy"},
            fit_kwargs={"epochs": 30, "verbose": 0},
        )
        estimator.fit(X, y)
        assert list(estimator.classes_) == ["no", "yes"]
        assert estimator.score(X, y) > 0.9
        assert estimator.decision_function(X).shape == (120, 2)

    def test_transformer_in_a_pipeline_and_clone(self):
        from sklearn.base import clone
        from sklearn.linear_model import LinearRegression
        from sklearn.pipeline import make_pipeline

        y = X[:, 0] * 2
        step = wrappers.SKLearnTransformer(network(3), fit_kwargs={"verbose": 0})
        assert step.fit(X, y).transform(X).shape == (120, 3)
        pipe = make_pipeline(clone(step), LinearRegression()).fit(X, y)
        assert pipe.predict(X).shape == (120,)

    def test_errors(self):
        inputs = keras.Input((4,))
        bare = keras.Model(inputs, layers.Dense(1)(inputs))
        with pytest.raises(RuntimeError, match="needs to be compiled"):
            wrappers.SKLearnRegressor(bare).fit(X, X[:, 0])
        with pytest.raises(ValueError, match="only one class"):
            wrappers.SKLearnClassifier(network(2)).fit(X, np.zeros(120, int))
        with pytest.raises(ValueError, match="target types"):
            wrappers.SKLearnClassifier(network(2)).fit(X, X[:, 0])
        with pytest.raises(ValueError, match="fitted"):
            wrappers.SKLearnRegressor(network(1)).predict(X)
        with pytest.raises(RuntimeError, match="metadata routing"):
            wrappers.SKLearnRegressor(network(1)).set_fit_request(sample_weight=True)
