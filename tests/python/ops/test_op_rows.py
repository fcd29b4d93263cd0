"""Every row: values against NumPy, gradients against differences, symbolic against real shapes."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from op_rows import ROWS

from ranvier import GradientTape, KerasTensor, ops, tree

ids = [f"{i}-{r.id[:60]}" for i, r in enumerate(ROWS)]


def arrays(value):
    return [np.asarray(x) for x in tree.flatten(value)]


def call(row, args=None):
    return operator.attrgetter(row.name)(ops)(*(row.args if args is None else args), **row.kwargs)


def as_numpy(row):
    """The expected values; `None` where there is no independent reference."""
    fn = row.reference
    if fn is None:
        fn = getattr(np, {"absolute": "abs"}.get(row.name, row.name), None)
        if fn is None or row.name in WITHOUT_NUMPY:
            return None
    with np.errstate(all="ignore"):
        return fn(*row.args, **row.kwargs)


# NumPy's function of that name takes other arguments.
WITHOUT_NUMPY = {"histogram", "unique", "nonzero", "select", "in_top_k"}


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_values(row):
    expected = as_numpy(row)
    if expected is None:
        pytest.skip("no NumPy function; compared with Keras")
    got, want = arrays(call(row)), arrays(expected)
    assert len(got) == len(want)
    for g, w in zip(got, want):
        assert g.shape == w.shape
        float_in = any(
            isinstance(a, np.ndarray) and a.dtype == np.float64 for a in tree.flatten(row.args)
        )
        tolerance = row.tolerance if float_in else max(row.tolerance, 1e-6)
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)


GRADIENT_ROWS = [r for r in ROWS if r.grad]


@pytest.mark.parametrize(
    "row", GRADIENT_ROWS, ids=[f"{i}-{r.id[:60]}" for i, r in enumerate(GRADIENT_ROWS)]
)
def test_gradient(row):
    places = [
        i for i, a in enumerate(row.args) if isinstance(a, np.ndarray) and a.dtype == np.float64
    ]
    tensors = [ops.convert_to_tensor(row.args[i]) for i in places]
    rng = np.random.default_rng(3)
    weights = None

    def value(parts):
        nonlocal weights
        args = list(row.args)
        for i, t in zip(places, parts):
            args[i] = t
        outputs = [x for x in tree.flatten(call(row, args)) if x.dtype == "float64"]
        if weights is None:
            weights = [rng.normal(size=x.shape) for x in outputs]
        total = ops.sum(outputs[0] * weights[0])
        for x, w in zip(outputs[1:], weights[1:]):
            total = total + ops.sum(x * w)
        return total

    with GradientTape() as tape:
        for t in tensors:
            tape.watch(t)
        target = value(tensors)
    gradients = tape.gradient(target, tensors)
    step = 1e-6
    for k, (i, g) in enumerate(zip(places, gradients)):
        for j in rng.permutation(row.args[i].size)[:12]:
            moved = []
            for by in (step, -step):
                shifted = row.args[i].copy()
                shifted.reshape(-1)[j] += by
                parts = list(tensors)
                parts[k] = ops.convert_to_tensor(shifted)
                moved.append(float(value(parts)))
            numeric = (moved[0] - moved[1]) / (2 * step)
            analytic = 0.0 if g is None else float(np.asarray(g).reshape(-1)[j])
            assert analytic == pytest.approx(numeric, rel=2e-5, abs=2e-6)


# These need values, which a symbolic tensor does not have.
NEED_VALUES = {
    "unique",
    "nonzero",
    "bincount",
    "bartlett",
    "blackman",
    "hamming",
    "hanning",
    "arange",
    "linspace",
    "logspace",
    "geomspace",
    "eye",
    "identity",
    "tri",
    "zeros",
    "ones",
    "full",
}


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_symbolic_shape_and_dtype(row):
    if row.name in NEED_VALUES:
        pytest.skip("needs values")

    def symbol(a):
        if isinstance(a, np.ndarray) and row.name not in ("repeat",):
            return KerasTensor(a.shape, dtype=a.dtype.name)
        return a

    if row.name == "where":
        first = tuple(symbol(a) for a in row.args)
    else:
        first = tuple(tree.map_structure(symbol, a) for a in row.args)
    if not any(isinstance(a, KerasTensor) for a in tree.flatten(first)):
        pytest.skip("no tensor argument")
    spec = tree.flatten(operator.attrgetter(row.name)(ops)(*first, **row.kwargs))
    real = tree.flatten(call(row))
    assert [(tuple(s.shape), s.dtype) for s in spec] == [(tuple(x.shape), x.dtype) for x in real]


def test_eigenpairs_solve_their_equation():
    x = np.random.default_rng(3).normal(size=(2, 4, 4))
    values, vectors = (np.asarray(part) for part in ops.eig(x))
    np.testing.assert_allclose(x @ vectors, vectors * values[:, None, :], atol=1e-12)


def test_argpartition_puts_the_kth_in_its_place():
    x = np.random.default_rng(4).normal(size=(3, 9))
    order = np.asarray(ops.argpartition(x, 4))
    np.testing.assert_array_equal(np.sort(order), np.tile(np.arange(9), (3, 1)))
    parted = np.take_along_axis(x, order, axis=-1)
    np.testing.assert_array_equal(parted[:, 4], np.sort(x)[:, 4])
    assert (parted[:, :4] <= parted[:, 4:5]).all() and (parted[:, 5:] >= parted[:, 4:5]).all()
