"""FeatureSpace: columns of a table as one vector, or one array each."""

from __future__ import annotations

from ranvier import _backend as B
from ranvier import layers, naming, ops, serialization, tree
from ranvier.layers import tf_graph
from ranvier.layers.layer import Layer
from ranvier.layers.preprocessing.host_layer import as_array
from ranvier.symbolic import host
from ranvier.symbolic.keras_tensor import KerasTensor
from ranvier.symbolic.probe import compute_output_spec
from ranvier.utils.feature_columns import column_batches

_KERAS_MODULE = "keras.src.layers.preprocessing.feature_space"
_ENCODED = ("int", "one_hot", "float")


class Cross:
    """Features that make one category together.

    Args:
        feature_names: names of the features.
        crossing_dim: number of bins of their hash.
        output_mode: "int" or "one_hot".
    """

    _keras_module = _KERAS_MODULE

    def __init__(self, feature_names, crossing_dim, output_mode="one_hot"):
        _check_mode(output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The features' names, joined."""
        return "_X_".join(self.feature_names)

    def get_config(self):
        """The constructor's arguments."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config):
        """A cross from its config."""
        return cls(**config)


class Feature:
    """How one column is read.

    Args:
        dtype: of the column: "float32", "int32", "string".
        preprocessor: a layer.
        output_mode: "int", "one_hot" or "float".
    """

    _keras_module = _KERAS_MODULE

    def __init__(self, dtype, preprocessor, output_mode):
        _check_mode(output_mode, _ENCODED)
        if isinstance(preprocessor, dict):
            preprocessor = serialization.deserialize_keras_object(preprocessor)
        self.dtype = dtype
        self.preprocessor = preprocessor
        self.output_mode = output_mode

    def get_config(self):
        """The constructor's arguments."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialization.serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config):
        """A feature from its config."""
        return cls(**config)


class TFDIdentity(Layer):
    """Returns its input (under the name that Keras' files have for it)."""

    _keras_module = _KERAS_MODULE

    def call(self, x):
        return x


class TFDConcat(Layer):
    """Joins arrays along an axis (under the name that Keras' files have for it)."""

    _keras_module = _KERAS_MODULE

    def __init__(self, axis, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, xs):
        return ops.concatenate(xs, axis=self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class FeatureTypes:
    """The kinds of features, as class methods of `FeatureSpace`."""

    @classmethod
    def cross(cls, feature_names, crossing_dim, output_mode="one_hot"):
        """Features that make one category together."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype, preprocessor, output_mode):
        """A column with a preprocessing layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name=None):
        """Numbers as they are."""
        return _feature("float32", "float", TFDIdentity, "float", name, dtype="float32")

    @classmethod
    def float_rescaled(cls, scale=1.0, offset=0.0, name=None):
        """Numbers · scale + offset."""
        return _feature(
            "float32", "float", layers.Rescaling, "float_rescaled", name, scale=scale, offset=offset
        )

    @classmethod
    def float_normalized(cls, name=None):
        """Numbers with mean 0 and variance 1."""
        return _feature("float32", "float", layers.Normalization, "float_normalized", name, axis=-1)

    @classmethod
    def float_discretized(cls, num_bins, bin_boundaries=None, output_mode="one_hot", name=None):
        """Numbers as the index of their bin."""
        return _feature(
            "float32", output_mode, layers.Discretization, "float_discretized", name,
            num_bins=num_bins, bin_boundaries=bin_boundaries,
        )  # fmt: skip

    @classmethod
    def integer_categorical(
        cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None
    ):
        """Integers of a vocabulary."""
        return _feature(
            "int32", output_mode, layers.IntegerLookup, "integer_categorical", name,
            max_tokens=max_tokens, num_oov_indices=num_oov_indices,
        )  # fmt: skip

    @classmethod
    def string_categorical(
        cls, max_tokens=None, num_oov_indices=1, output_mode="one_hot", name=None
    ):
        """Strings of a vocabulary."""
        return _feature(
            "string", output_mode, layers.StringLookup, "string_categorical", name,
            max_tokens=max_tokens, num_oov_indices=num_oov_indices,
        )  # fmt: skip

    @classmethod
    def string_hashed(cls, num_bins, output_mode="one_hot", name=None):
        """Strings as a hash."""
        return _feature(
            "string", output_mode, layers.Hashing, "string_hashed", name, num_bins=num_bins
        )

    @classmethod
    def integer_hashed(cls, num_bins, output_mode="one_hot", name=None):
        """Integers as a hash."""
        return _feature(
            "int32", output_mode, layers.Hashing, "integer_hashed", name, num_bins=num_bins
        )


class FeatureSpace(FeatureTypes, Layer):
    """Columns of a table, each preprocessed by its type, joined to a vector or kept apart.

    Args:
        features: dict from a column's name to its type: a string ("float", "float_normalized",
            "float_rescaled", "float_discretized", "integer_categorical", "string_categorical",
            "integer_hashed", "string_hashed"), or the class method of that name with arguments, or
            `FeatureSpace.feature(...)` with a layer of your own.
        output_mode: "concat" gives one float array (batch, width), "dict" an array per feature.
        crosses: tuples of names that make one category together, or `FeatureSpace.cross(...)`.
        crossing_dim: bins of crosses that are given as tuples.
        hashing_dim: bins of hashed features that are given as strings.
        num_discretization_bins: bins of discretized features that are given as strings.

    Raises:
        ValueError: unknown types and names, a call before `adapt` where something must be learned,
            indices that are to be joined with numbers.

    Example:
        >>> space = keras.utils.FeatureSpace(
        ...     {"age": "float_normalized", "city": "string_categorical"}
        ... )
        >>> space.adapt({"age": [20.0, 40.0], "city": ["Oslo", "Rome"]})
        >>> space({"age": [30.0], "city": ["Rome"]}).shape
        (1, 4)
        >>> model = keras.Model(space.get_inputs(), layers.Dense(1)(space.get_encoded_features()))
    """

    _keras_module = "keras.utils"
    # A file may hold it by itself, as it does a model.
    is_saved_whole = True

    def __init__(
        self,
        features,
        output_mode="concat",
        crosses=None,
        crossing_dim=32,
        hashing_dim=32,
        num_discretization_bins=32,
        name=None,
    ):
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        _check_mode(output_mode, ("dict", "concat"))
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {n: self._standardize_feature(n, f) for n, f in features.items()}
        self.crosses = [self._standardize_cross(c, features) for c in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.inputs = {
            n: layers.Input(shape=(1,), dtype=f.dtype, name=n) for n, f in self.features.items()
        }
        self.preprocessors = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {
            c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses
        }
        self.one_hot_encoders: dict = {}
        self.concat = None
        self.encoded_features = None
        self._is_adapted = False

    def _standardize_feature(self, name, feature):
        if isinstance(feature, Feature):
            return feature
        if isinstance(feature, dict):
            return serialization.deserialize_keras_object(feature)
        sizes = {
            "float_discretized": {"num_bins": self.num_discretization_bins},
            "integer_hashed": {"num_bins": self.hashing_dim},
            "string_hashed": {"num_bins": self.hashing_dim},
        }
        kinds = ("float", "float_normalized", "float_rescaled", "integer_categorical",
                 "string_categorical", *sizes)  # fmt: skip
        if feature not in kinds:
            raise ValueError(f"Invalid feature type: {feature}. Expected one of {kinds}.")
        return getattr(self, feature)(name=name, **sizes.get(feature, {}))

    def _standardize_cross(self, cross, features):
        if isinstance(cross, dict):
            cross = serialization.deserialize_keras_object(cross)
        if isinstance(cross, Cross):
            return cross
        if not self.crossing_dim:
            raise ValueError(
                "When specifying `crosses`, the argument `crossing_dim` (dimensionality of the "
                "crossing space) should be specified as well."
            )
        if not set(cross) <= set(features):
            raise ValueError(
                "All features referenced in the `crosses` argument should be present in the "
                f"`features` dict. Received unknown features: {cross}"
            )
        return Cross(cross, crossing_dim=self.crossing_dim)

    # -- learning

    def adapt(self, dataset):
        """Learns vocabularies, means and boundaries.

        Args:
            dataset: dict of columns (arrays, lists), or a data set of such dicts, of batches or of
                single rows.
        """
        names = self._adaptable()
        for name, batches in column_batches(dataset, names).items():
            self.preprocessors[name].adapt(iter(batches))
        self._is_adapted = True
        self.get_encoded_features()
        self.built = True

    def _adaptable(self):
        """Names of the features that learn from data."""

        def learns(layer):
            fixed = (
                layer.input_mean is not None
                if isinstance(layer, layers.Normalization)
                else layer.num_bins is None
                if isinstance(layer, layers.Discretization)
                else getattr(layer, "_has_input_vocabulary", False)
            )
            return hasattr(layer, "adapt") and not fixed

        return [name for name, layer in self.preprocessors.items() if learns(layer)]

    def _check_adapted(self):
        if not self._is_adapted:
            if self._adaptable():
                raise ValueError(
                    "You need to call `.adapt(dataset)` on the FeatureSpace before you can start "
                    f"using it. Features that learn from data: {self._adaptable()}"
                )
            self._is_adapted = True

    # -- computing

    def get_inputs(self) -> dict:
        """Symbolic inputs (batch, 1) by name."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self):
        """What the symbolic inputs become: an array, or a dict of them."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encode(self.inputs)
            self.built = True
        return self.encoded_features

    def _encode(self, columns):
        outputs = {name: self.preprocessors[name](columns[name]) for name in columns}
        crossed = {
            c.name: self.crossers[c.name]([outputs[n] for n in c.feature_names])
            for c in self.crosses
        }
        specs = {**self.features, **self.crosses_by_name}
        ordered = [(n, outputs[n]) for n in sorted(outputs)]
        ordered += [(n, crossed[n]) for n in sorted(crossed)]
        encoded = {name: self._encoded(name, x, specs[name]) for name, x in ordered}
        if self.output_mode == "dict":
            return encoded
        if self.concat is None:
            self.concat = TFDConcat(axis=-1)
        return self.concat(list(encoded.values()))

    def _encoded(self, name, x, spec):
        symbolic = isinstance(x, KerasTensor)
        if spec.output_mode == "one_hot":
            if name not in self.one_hot_encoders:
                if not x.dtype.startswith("int"):
                    raise ValueError(
                        f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor "
                        f"should return an integer dtype. Instead it returns a {x.dtype} dtype."
                    )
                self.one_hot_encoders[name] = layers.CategoryEncoding(
                    num_tokens=self._cardinality(name), output_mode="multi_hot"
                )
            x = self.one_hot_encoders[name](x)
        if self.output_mode == "concat" and symbolic and x.dtype.startswith(("int", "string")):
            raise ValueError(
                f"Cannot concatenate features because feature '{name}' has not been encoded (it "
                f"has dtype {x.dtype}). Consider using `output_mode='dict'`."
            )
        return x

    def _cardinality(self, name) -> int:
        layer = self.preprocessors.get(name) or self.crossers.get(name)
        if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
            return layer.vocabulary_size()
        if isinstance(layer, layers.CategoryEncoding):
            return layer.num_tokens
        if isinstance(layer, layers.Discretization):
            return layer.num_bins or len(layer.bin_boundaries) + 1
        if isinstance(layer, (layers.HashedCrossing, layers.Hashing)):
            return layer.num_bins
        raise ValueError(
            f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard feature "
            "and the dimensionality of its output space is not known, thus it cannot be one-hot "
            "encoded. Try using `output_mode='int'`."
        )

    def __call__(self, data):
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(
                f"A FeatureSpace can only be called with a dict. Received: data={data} (of type "
                f"{type(data)})"
            )
        missing = sorted(set(self.features) - set(data))
        if missing:
            raise ValueError(
                f"A FeatureSpace needs all its features. Expected: {sorted(self.features)}. "
                f"Missing: {missing}"
            )
        if tf_graph.in_graph((data,), {}):
            return tf_graph.call(self, (data,), {})
        columns = {n: as_array(data[n]) for n in self.features}
        single = any(len(x.shape) == 0 for x in columns.values())
        outputs = self._encode({n: _as_column(x) for n, x in columns.items()})
        return tree.map_structure(_without_batch, outputs) if single else outputs

    def output_in_graph(self, args, kwargs):
        return compute_output_spec(self, *args, **kwargs)

    # -- files

    def get_config(self):
        return {
            "features": serialization.serialize_keras_object(dict(self.features)),
            "output_mode": self.output_mode,
            "crosses": serialization.serialize_keras_object(list(self.crosses)),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)

    def get_build_config(self):
        return {n: f.preprocessor.get_build_config() for n, f in self.features.items()}

    def build_from_config(self, config):
        for name, own in config.items():
            preprocessor = self.features[name].preprocessor
            if not preprocessor.built:
                preprocessor.build_from_config(own)
        self._is_adapted = True

    def save(self, filepath):
        """Writes it to a `.keras` file, from which `saving.load_model` reads it."""
        from ranvier import saving

        saving.save_model(self, filepath)

    def save_own_variables(self, store):
        """It has none of its own."""

    def load_own_variables(self, store):
        """It has none of its own."""


def _feature(dtype, output_mode, layer, kind, name, /, **arguments):
    name = name or naming.auto_name(kind)
    return Feature(dtype, layer(name=f"{name}_preprocessor", **arguments), output_mode)


def _check_mode(output_mode, allowed):
    if output_mode not in allowed:
        raise ValueError(
            f"Invalid value for argument `output_mode`. Expected one of {allowed}. Received: "
            f"output_mode={output_mode}"
        )


def _as_column(x):
    """(batch, 1) of a scalar or of (batch,)."""
    if len(x.shape) > 1:
        return x
    if not isinstance(x, B.Tensor):
        return x.reshape(-1, 1) if hasattr(x, "reshape") else x[:, None]
    y = ops.reshape(x, (-1, 1))
    host.note(x, y, lambda array: array.reshape(-1, 1))
    return y


def _without_batch(x):
    return x[0] if len(x.shape) == 2 and x.shape[0] == 1 else x
