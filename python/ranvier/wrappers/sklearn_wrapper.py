"""Models as estimators of scikit-learn."""

from __future__ import annotations

import copy

import numpy as np

from ranvier.models import Model, clone_model

try:
    import sklearn.base as _base
except ImportError:
    _base = None


def _from_base(name):
    """A class of `sklearn.base`; without scikit-learn an empty one."""
    return getattr(_base, name) if _base else type(name, (), {})


_ARGUMENTS = """
    Args:
        model: compiled model (each `fit` trains a clone), or a function
            `(X, y, **model_kwargs) → compiled model`.
        warm_start: accepted for scikit-learn's sake.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `Model.fit`, such as `epochs`.

    Attributes:
        model_: the trained model.
        history_: what its `fit` returned.

    Raises:
        ImportError: scikit-learn is not installed.
    """


class _Wrapper(_from_base("BaseEstimator")):  # type: ignore[misc]
    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        if _base is None:
            raise ImportError(
                f"{type(self).__name__} requires `scikit-learn` to be installed: "
                "`pip install scikit-learn`."
            )
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self):
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, self.model_kwargs, self.fit_kwargs)

    @property
    def epoch_(self):
        """Epochs of the last `fit`."""
        history = getattr(self, "history_", None)
        return len(history.epoch) if history is not None else 0

    def set_fit_request(self, **kwargs):
        """Asks for metadata in `fit` (scikit-learn's metadata routing).

        Raises:
            RuntimeError: routing is not enabled.
        """
        import sklearn
        from sklearn.utils.metadata_routing import MetadataRequest

        if not sklearn.get_config().get("enable_metadata_routing", False):
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it "
                "using sklearn.set_config(enable_metadata_routing=True)."
            )
        self._metadata_request = MetadataRequest(owner=type(self).__name__)
        for parameter, alias in kwargs.items():
            self._metadata_request.fit.add_request(param=parameter, alias=alias)
        return self

    def fit(self, X, y, **kwargs):
        """Trains a fresh model.

        Args:
            X: samples `(samples, features)`.
            y: targets `(samples,)`.
            **kwargs: arguments of `Model.fit`, before `fit_kwargs`.

        Raises:
            RuntimeError: the model is not compiled with a loss and an optimizer.
        """
        X, y = _validate(self, X, y)
        y = self._encode(y)
        model = self._make_model(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError(
                "Given model needs to be compiled, and have a loss and an optimizer."
            )
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _make_model(self, X, y):
        if not isinstance(self.model, Model):
            return self.model(X=X, y=y, **(self.model_kwargs or {}))
        return clone_model(self.model)

    def _raw(self, X):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        X = _validate(self, X, reset=False)
        return self.model_.predict(X, verbose=(self.fit_kwargs or {}).get("verbose", "auto"))

    def predict(self, X):
        """Predicted targets, in the form that `fit` got them."""
        return self._decode(self._raw(X))

    def _encode(self, y):
        _target_type(y)
        self._target_rank = y.ndim
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _decode(self, y):
        return np.squeeze(y, axis=1) if self._target_rank == 1 and y.ndim == 2 else y


class SKLearnClassifier(_from_base("ClassifierMixin"), _Wrapper):  # type: ignore[misc]
    __doc__ = f"""A classifier of scikit-learn; the model gets targets one-hot `(samples, classes)`.
    {_ARGUMENTS}
    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(2, "softmax")])
        >>> model.compile("adam", "categorical_crossentropy")
        >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]] * 8), np.array(["a", "b"] * 8)
        >>> estimator = keras.wrappers.SKLearnClassifier(model, fit_kwargs={{"verbose": 0}})
        >>> set(estimator.fit(x, y).predict(x)) <= {{"a", "b"}}
        True
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def decision_function(self, X):
        """What the model predicts, `(samples, classes)`."""
        return self._raw(X)

    def _encode(self, y):
        from sklearn.preprocessing import OneHotEncoder

        kind = _target_type(y)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                "Only binary and multiclass target types are supported. Target type: " + kind
            )
        self.classes_ = np.unique(y)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        rows = super()._encode(y)
        self._encoder = OneHotEncoder(sparse_output=False).fit(rows)
        return self._encoder.transform(rows)

    def _decode(self, y):
        return super()._decode(self._encoder.inverse_transform(y))


class SKLearnRegressor(_from_base("RegressorMixin"), _Wrapper):  # type: ignore[misc]
    __doc__ = f"""A regressor of scikit-learn; the model gets targets `(samples, 1)`.
    {_ARGUMENTS}
    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> estimator = keras.wrappers.SKLearnRegressor(model, fit_kwargs={{"verbose": 0}})
        >>> estimator.fit(np.ones((8, 2)), np.ones(8)).predict(np.ones((3, 2))).shape
        (3,)
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(_from_base("TransformerMixin"), _Wrapper):  # type: ignore[misc]
    __doc__ = f"""A transformer of scikit-learn: `transform` gives what the model predicts.
    {_ARGUMENTS}
    Example:
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> estimator = keras.wrappers.SKLearnTransformer(model, fit_kwargs={{"verbose": 0}})
        >>> estimator.fit(np.ones((8, 2)), np.ones(8)).transform(np.ones((3, 2))).shape
        (3, 1)
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def transform(self, X):
        """What the model predicts for samples."""
        return self._raw(X)


def _validate(estimator, *args, **kwargs):
    """scikit-learn's check of shapes, values and the number of features."""
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:
        return estimator._validate_data(*args, **kwargs)
    return validate_data(estimator, *args, **kwargs)


def _target_type(y):
    from sklearn.utils.multiclass import type_of_target

    kind = type_of_target(y)
    if kind == "unknown":
        raise ValueError(f"Unknown label type for data: {y!r}")
    return kind
