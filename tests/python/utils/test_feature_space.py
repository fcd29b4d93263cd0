"""FeatureSpace: Keras' values, every kind of feature, models on it, files."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import Model, layers, ops, saving, utils

Space = utils.FeatureSpace
DATA = {
    "f": [0.0, 0.1, 0.2, 0.3], "s": ["zero", "one", "two", "three"], "i": [0, 1, 2, 3],
    "g": [1.0, 5.0, 2.0, 8.0], "h": [5, 6, 7, 5], "t": ["a b", "b", "c d", "a"],
}  # fmt: skip
# Columns of 1 in the rows of `space()`, in real Keras; the first column is the normalized one.
ONES = [[1, 7, 12, 14, 23], [3, 7, 11, 17, 20], [2, 4, 10, 15, 21], [3, 7, 9, 16, 22]]


def rows(*names):
    return {name: np.array(DATA[name]) for name in names}


def space():
    made = Space(
        {"f": "float_normalized", "s": "string_categorical", "i": "integer_categorical",
         "g": "float_discretized", "h": "integer_hashed"},
        crosses=[("s", "i")], crossing_dim=8, hashing_dim=4, num_discretization_bins=3,
    )  # fmt: skip
    made.adapt({name: DATA[name] for name in "fsigh"})
    return made


def test_values_of_keras():
    out = np.asarray(space()(rows(*"fsigh")))
    assert out.shape == (4, 26)
    np.testing.assert_allclose(out[:, 0], [-1.34164, -0.44721, 0.44721, 1.34164], rtol=1e-4)
    for row, ones in zip(out, ONES):
        assert np.flatnonzero(row[1:]).tolist() == [i - 1 for i in ones]
        assert set(row[1:]) == {0.0, 1.0}


def test_one_row_alone():
    made = space()
    alone = made({name: DATA[name][1] for name in "fsigh"})
    assert tuple(alone.shape) == (26,)
    np.testing.assert_array_equal(alone, np.asarray(made(rows(*"fsigh")))[1])


def several():
    made = Space(
        {
            "f": "float", "g": Space.float_rescaled(scale=0.5, offset=1.0),
            "s": Space.string_categorical(max_tokens=3, output_mode="int"),
            "i": Space.integer_categorical(num_oov_indices=2, output_mode="int"),
            "h": Space.integer_hashed(num_bins=5, output_mode="int"),
            "t": Space.feature("string", layers.TextVectorization(output_mode="count"), "float"),
        },
        crosses=[Space.cross(("s", "i"), crossing_dim=7, output_mode="int"),
                 Space.cross(("i", "h"), crossing_dim=3)],
        output_mode="dict",
    )  # fmt: skip
    made.adapt(DATA)
    return made


def test_dict_of_keras():
    out = several()(rows(*DATA))
    expected = {
        "f": [[0.0], [0.1], [0.2], [0.3]], "g": [[1.5], [3.5], [2.0], [5.0]],
        "h": [[1], [2], [3], [1]], "i": [[5], [4], [3], [2]], "s": [[1], [0], [2], [0]],
        "t": [[0, 1, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0]],
        "i_X_h": [[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0]], "s_X_i": [[4], [4], [5], [0]],
    }  # fmt: skip
    assert sorted(out) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(np.asarray(out[name]), value, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("batch", [None, 3])
def test_adapt_takes_data_sets(batch):
    columns = [DATA[name] for name in "fsigh"]

    class Rows:
        def __iter__(self):
            step = batch or 1
            for i in range(0, 4, step):
                part = [np.array(c[i : i + step]) for c in columns]
                yield dict(zip("fsigh", part if batch else [c[0] for c in part]))

    made = Space({"f": "float_normalized", "s": "string_categorical", "i": "integer_categorical"})
    made.adapt(Rows())
    whole = Space({"f": "float_normalized", "s": "string_categorical", "i": "integer_categorical"})
    whole.adapt({name: DATA[name] for name in "fsi"})
    np.testing.assert_allclose(made(rows(*"fsi")), whole(rows(*"fsi")), rtol=1e-6)


def test_models_learn_on_it(tmp_path):
    utils.set_random_seed(1)
    made = space()
    encoded = made.get_encoded_features()
    assert (encoded.shape, encoded.dtype) == ((None, 26), "float32")
    model = Model(made.get_inputs(), layers.Dense(1)(encoded))
    model.compile("adam", "mse")
    x, y = rows(*"fsigh"), np.array([1.0, 2.0, 3.0, 4.0])
    losses = model.fit(x, y, epochs=20, batch_size=2, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    predicted = model.predict(x, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    np.testing.assert_allclose(np.asarray(made(x)) @ kernel + bias, predicted, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), predicted)


def test_a_cross_of_bins_in_a_compiled_model():
    made = Space({"g": Space.float_discretized(2, output_mode="int"),
                  "i": Space.integer_hashed(4, output_mode="int")},
                 crosses=[Space.cross(("g", "i"), 5)], output_mode="dict")  # fmt: skip
    made.adapt({"g": DATA["g"], "i": DATA["i"]})
    model = Model(made.get_inputs(), made.get_encoded_features())
    found, expected = model.predict(rows("g", "i"), verbose=0), made(rows("g", "i"))
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], np.asarray(value))


class Regressor(Model):
    def __init__(self):
        super().__init__()
        self.space = space()
        self.head = layers.Dense(1)

    def call(self, columns):
        return self.head(self.space(columns))


def test_inside_an_own_model():
    model = Regressor()
    model.compile("sgd", "mse")
    x = {name: np.array(DATA[name]) for name in "fsigh"}
    model.fit(x, np.ones(4), verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), np.asarray(model(x)), rtol=1e-5)


@pytest.mark.parametrize("make", [space, several])
def test_files(tmp_path, make):
    made = make()
    made.save(tmp_path / "space.keras")
    again = saving.load_model(tmp_path / "space.keras")
    first, second = made(rows(*DATA)), again(rows(*DATA))
    for a, b in zip(*(x.values() if isinstance(x, dict) else [x] for x in (first, second))):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_mistakes():
    for match, make in (
        ("empty", lambda: Space({})),
        ("Invalid feature type", lambda: Space({"a": "number"})),
        ("output_mode", lambda: Space({"a": "float"}, output_mode="list")),
        ("should be present", lambda: Space({"a": "float"}, crosses=[("a", "b")])),
        ("crossing_dim", lambda: Space({"a": "float"}, crosses=[("a", "a")], crossing_dim=None)),
        ("adapt", lambda: Space({"a": "float_normalized"})({"a": 1.0})),
        ("with a dict", lambda: Space({"a": "float"})([1.0])),
        ("Missing", lambda: Space({"a": "float", "b": "float"})({"a": 1.0})),
        ("no column", lambda: Space({"a": "float_normalized"}).adapt({"b": [1.0]})),
        ("dict of arrays", lambda: Space({"a": "float_normalized"}).adapt([1.0])),
        ("output_mode", lambda: Space.cross(("a", "b"), 3, output_mode="float")),
        ("integer dtype", lambda: Space(
            {"a": Space.feature("float32", layers.Rescaling(1.0), "one_hot")})({"a": 1.0})),
        ("Cannot concatenate", lambda: Space(
            {"a": Space.integer_categorical(output_mode="int")}).adapt({"a": [1, 2]})),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            make()


def test_tensors_are_columns_too():
    made = Space({"f": "float", "h": Space.integer_hashed(5)})
    data = {k: ops.convert_to_tensor(np.array(DATA[k])) for k in "fh"}
    np.testing.assert_array_equal(made(data), made(rows("f", "h")))
