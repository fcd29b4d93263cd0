"""Data frames, arrays of objects and sparse matrices are data like the arrays of their numbers."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, ops

pd = pytest.importorskip("pandas")
sp = pytest.importorskip("scipy.sparse")

ROWS = 12
A, B = np.linspace(-1, 1, ROWS), np.arange(ROWS) % 3 == 0
Y = np.arange(float(ROWS))


def model():
    keras.utils.set_random_seed(0)
    m = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
    m.compile("adam", "mse", metrics=["mae"])
    return m


def results(x, y=Y, **options):
    """What training, evaluations and predictions give."""
    m = model()
    history = m.fit(x, y, epochs=2, batch_size=5, verbose=0, **options).history
    on_batch = m.train_on_batch(x, y), m.test_on_batch(x, y), m.predict_on_batch(x)
    return [history, m.evaluate(x, y, verbose=0), m.predict(x, verbose=0), on_batch]


def assert_same(got, want):
    assert keras.tree.flatten(got) and len(keras.tree.flatten(got)) == len(keras.tree.flatten(want))
    for x, y in zip(keras.tree.flatten(got), keras.tree.flatten(want), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


FRAMES = {
    "one_hot_columns": lambda: pd.get_dummies(pd.DataFrame({"a": A, "c": np.where(B, "x", "y")}))[
        ["a", "c_x"]
    ],
    "integers_and_flags": lambda: pd.DataFrame({"a": np.arange(ROWS), "b": B}),
    "floats_and_flags": lambda: pd.DataFrame({"a": A.astype("f4"), "b": B}),
    "nullable": lambda: pd.DataFrame(
        {"a": pd.array(np.arange(ROWS), dtype="Int64"), "b": pd.array(B, dtype="boolean")}
    ),
    "objects": lambda: pd.DataFrame({"a": A.astype(object), "b": B.astype(object)}),
    "in_another_order": lambda: pd.DataFrame({"a": A, "b": B}).sample(frac=1, random_state=0),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("options", [{}, {"validation_split": 0.25}], ids=["all", "split"])
def test_frames_of_mixed_columns(frame, options):
    frame = frame()
    numbers = frame.to_numpy("float64")
    assert_same(results(frame, **options), results(numbers, **options))
    m = model()
    np.testing.assert_array_equal(m(frame), m(numbers.astype("float32")))
    objects = frame.to_numpy(object)
    assert_same(results(objects, **options), results(numbers, **options))
    np.testing.assert_array_equal(m(objects), m(numbers.astype("float32")))


@pytest.mark.parametrize(
    "column",
    [pd.array([1, None] * 6, dtype="Int64"), ["1"] * ROWS, [None] * ROWS,
     pd.to_datetime(["2020-01-01"] * ROWS), [[1]] * ROWS, [[1], [1, 2]] * 6],
    ids=["missing", "strings", "nothing", "dates", "lists", "ragged"],
)  # fmt: skip
def test_what_is_no_number_is_refused(column):
    frame = pd.DataFrame({"a": A, "b": column})
    m = model()
    for use in (
        lambda: m.fit(frame, Y, verbose=0),
        lambda: m.predict(frame, verbose=0),
        lambda: m(frame.to_numpy()),
        lambda: layers.Normalization().adapt(frame),
        lambda: ops.convert_to_tensor(frame.to_numpy()),
    ):
        with pytest.raises(TypeError, match="must be numbers|wrong type"):
            use()


def test_columns_as_targets_and_weights():
    x = np.stack([A, B], axis=1)
    labels = pd.Series(Y.astype(int).astype(object))
    want = results(x, Y[:, None], sample_weight=Y + 1)
    assert_same(results(x, labels, sample_weight=pd.Series(Y + 1)), want)
    loss = keras.losses.MeanSquaredError()(labels, pd.Series(Y + 2))
    np.testing.assert_allclose(loss, 4)


def test_objects_become_tensors_of_pythons_numbers():
    for values, dtype in (([1, 2], "int32"), ([1, 2.5], "float32"), ([True, False], "bool")):
        tensor = ops.convert_to_tensor(np.array(values, dtype=object))
        assert tensor.dtype == dtype and tensor.tolist() == values
    assert ops.add(np.array([1, 2**40], dtype=object), 0).tolist() == [1, 2**40]


def test_normalization_adapts_to_frames():
    large = 1e9 + np.arange(4.0)
    frame = pd.DataFrame({"a": large, "b": [True, False, True, False]})
    for data in (frame, frame.to_numpy(object), frame.to_numpy("float64")):
        layer = layers.Normalization()
        layer.adapt(data)
        np.testing.assert_allclose(np.ravel(layer.variance), [1.25, 0.25])
    with pytest.raises(ValueError, match="without samples"):
        layers.Normalization().adapt(np.zeros((0, 3)))


def test_vocabularies_of_columns():
    column = pd.Series(["b", "a", "b c"])
    lookup, text = layers.StringLookup(), layers.TextVectorization()
    lookup.adapt(column)
    text.adapt(column)
    assert sorted(lookup.get_vocabulary()) == ["[UNK]", "a", "b", "b c"]
    assert text.get_vocabulary() == ["", "[UNK]", "b", "c", "a"]
    bins = layers.Discretization(num_bins=2)
    bins.adapt(pd.Series([1.0, 2, 3, 4]))
    assert bins.bin_boundaries == [2.0]


SPARSE = {
    "csr": sp.csr_matrix, "csc": sp.csc_matrix, "coo": sp.coo_matrix, "lil": sp.lil_matrix,
    "csr_array": sp.csr_array, "coo_array": sp.coo_array,
}  # fmt: skip


@pytest.mark.parametrize("kind", SPARSE.values(), ids=SPARSE)
@pytest.mark.parametrize(
    "options",
    [{}, {"validation_split": 0.25}, {"class_weight": {1: 2.0}}, {"steps_per_epoch": 1},
     {"shuffle": "batch"}],
    ids=["shuffled", "split", "class_weight", "steps", "batches"],
)  # fmt: skip
def test_sparse_matrices_train_as_dense_ones(kind, options):
    x = np.where(np.arange(ROWS * 7).reshape(ROWS, 7) % 3 == 0, Y[:, None], 0)
    y = Y % 2 if "class_weight" in options else Y
    assert_same(results(kind(x), y, **options), results(x, y, **options))


def test_sparse_targets_parts_and_batches():
    x = np.eye(ROWS) * Y
    targets = x[:, :1]
    assert_same(results(sp.csr_matrix(x), sp.csr_matrix(targets)), results(x, targets))

    a, b = keras.Input((ROWS,), name="a"), keras.Input((1,), name="b")
    m = keras.Model({"a": a, "b": b}, layers.Dense(1)(layers.Concatenate()([a, b])))
    got, want = (
        m.predict({"a": first, "b": Y[:, None]}, batch_size=5, verbose=0)
        for first in (sp.csr_matrix(x), x)
    )
    np.testing.assert_array_equal(got, want)

    one, other = model(), model()
    one.run_eagerly = True
    for net, first in ((one, sp.csr_matrix(x)), (other, x)):
        net.fit(iter([(first, Y), (first, Y)]), steps_per_epoch=2, verbose=0)
        net.fit(first, Y, verbose=0, shuffle=False)
    for v, w in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(v, w, rtol=1e-5, atol=1e-6)


def test_sparse_mistakes():
    m = model()
    with pytest.raises(ValueError, match="x has 12 rows; y has 3 rows"):
        m.fit(sp.eye(ROWS).tocsr(), Y[:3], verbose=0)
    m.fit(sp.eye(ROWS).tocsr(), Y, verbose=0)
    with pytest.raises(ValueError, match="5|12"):
        m.predict(sp.csr_matrix((3, 5)), verbose=0)
    with pytest.raises(ValueError, match="no samples"):
        m.predict(sp.csr_matrix((0, ROWS)), verbose=0)
    with pytest.raises(ValueError, match="arrays of numbers"):
        keras.profile(m, sp.eye(ROWS).tocsr(), Y)
