"""The tiled attention kernel: beside the formula, at every level, in programs, to second order."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import GradientTape, ops
from ranvier import _backend as B
from ranvier.ops.attention import tiled_attention

rng = np.random.default_rng(5)
SEED = np.array([5, 9], "uint32")


def tensors(dtype, *shapes):
    return [B.tensor(rng.normal(size=s).astype(dtype)) for s in shapes]


def formula(q, k, v, bias, mask, scale, causal, kept, zero_masked):
    """Attention of float64 tensors with all scores."""
    repeats = q.shape[2] // k.shape[2]
    k, v = ops.repeat(k, repeats, 2), ops.repeat(v, repeats, 2)
    logits = ops.multiply(ops.einsum("btnh,bsnh->bnts", q, k), scale)
    logits = logits if bias is None else ops.add(logits, bias)
    visible = np.ones(tuple(logits.shape), bool) if mask is None else np.asarray(mask)
    if causal:
        visible = visible & np.tri(q.shape[1], k.shape[1], dtype=bool)
    visible = B.tensor(np.ascontiguousarray(np.broadcast_to(visible, tuple(logits.shape))))
    weights = ops.softmax(ops.where(visible, logits, -0.7 * 3.4e38))
    if zero_masked:
        weights = ops.where(visible, weights, 0.0)
    return ops.einsum("bnts,bsnh->btnh", ops.multiply(weights, kept), v)


def kept_weights(shape, rate):
    """What the kernel's dropout multiplies the weights by."""
    drawn = -(-shape[3] // 64) * 64
    attrs = {"shape": [*shape[:3], drawn], "dtype": "float64", "p": 1 - rate}
    return np.asarray(B.apply("random_bernoulli", [B.tensor(SEED)], attrs))[..., : shape[3]] / (
        1 - rate
    )


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def level(request):
    before = B.core.active_isa()
    try:
        B.core.set_active_isa(request.param)
    except ValueError:
        pytest.skip("this processor has no " + request.param)
    yield request.param
    B.core.set_active_isa(before)


SIZES = [
    (2, 3, 4, 2, 2, 3, 3),
    (1, 130, 150, 2, 1, 16, 16),
    (1, 85, 300, 4, 2, 17, 9),
    (2, 128, 128, 2, 2, 32, 32),
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mode", ["plain", "mask", "bias", "both", "zero"])
def test_values_and_gradients(level, sizes, causal, mode):
    b, t, s, n, k, h, hv = sizes
    rate = 0.3 if mode in ("both", "zero") else 0.0
    wide = tensors("float64", (b, t, n, h), (b, s, k, h), (b, s, k, hv), (b, t, n, hv))
    bias = tensors("float64", (1, n, t, s))[0] if mode in ("bias", "both") else None
    mask = None
    if mode in ("mask", "both", "zero"):
        mask = rng.random((b, 1, t, s)) < 0.6
        mask[:, :, min(2, t - 1)] = False
        mask = B.tensor(mask)
    kept = kept_weights((b, n, t, s), rate)

    def run(dtype, attend):
        q, k_, v, dy = (ops.cast(x, dtype) for x in wide)
        with GradientTape() as tape:
            for x in (q, k_, v):
                tape.watch(x)
            out = attend(q, k_, v, None if bias is None else ops.cast(bias, dtype))
            loss = ops.sum(ops.multiply(out, dy))
        return [np.asarray(x) for x in (out, *tape.gradient(loss, [q, k_, v]))]

    got = run(
        "float32",
        lambda q, k, v, extra: tiled_attention(
            q, k, v, extra, mask, 0.3, causal, rate, B.tensor(SEED), zero_masked=mode == "zero"
        ),
    )
    want = run(
        "float64",
        lambda q, k, v, extra: formula(q, k, v, extra, mask, 0.3, causal, kept, mode == "zero"),
    )
    for a, b in zip(got, want):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=5e-5)


def test_the_same_bits_for_any_number_of_threads():
    q, k, v, dy = tensors("float32", *[(3, 170, 4, 32)] * 4)
    before, seen = B.core.num_threads(), []
    try:
        for threads in (1, 2, 3):
            B.core.set_num_threads(threads)
            with GradientTape() as tape:
                for x in (q, k, v):
                    tape.watch(x)
                out = tiled_attention(q, k, v, causal=True, rate=0.2, seed=B.tensor(SEED))
                loss = ops.sum(ops.multiply(out, dy))
            grads = tape.gradient(loss, [q, k, v])
            seen.append(np.concatenate([np.asarray(x).ravel() for x in (out, *grads)]))
    finally:
        B.core.set_num_threads(before)
    assert all(np.array_equal(seen[0], other) for other in seen[1:])


@pytest.mark.parametrize("mode", ["plain", "causal", "mask", "bias", "dropout"])
def test_second_derivatives(mode):
    """float64, against central differences of the first derivative."""
    q, k, v = tensors("float64", (1, 3, 2, 2), (1, 4, 1, 2), (1, 4, 1, 3))
    extra = {
        "plain": {},
        "causal": {"causal": True},
        "mask": {"mask": B.tensor(np.array([[[[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0]]]], bool))},
        "bias": {"bias": tensors("float64", (1, 2, 1, 4))[0]},
        "dropout": {"rate": 0.4, "seed": B.tensor(SEED)},
    }[mode]
    weights, directions = tensors("float64", (1, 3, 2, 3))[0], tensors("float64", *map(tuple, (
        q.shape, k.shape, v.shape)))  # fmt: skip

    def slope(points):
        """The derivative of the weighted sum of outputs along the directions."""
        with GradientTape() as tape:
            for x in points:
                tape.watch(x)
            out = tiled_attention(*points, scale=0.7, **extra)
            loss = ops.sum(ops.multiply(out, weights))
        grads = tape.gradient(loss, points)
        return ops.sum(ops.stack([ops.sum(ops.multiply(g, d)) for g, d in zip(grads, directions)]))

    points = [q, k, v]
    with GradientTape() as tape:
        for x in points:
            tape.watch(x)
        value = slope(points)
    step = 1e-5
    for i, grad in enumerate(tape.gradient(value, points)):
        for j in range(int(np.prod(grad.shape))):
            shifted = []
            for sign in (step, -step):
                moved = np.array(np.asarray(points[i]))
                moved.ravel()[j] += sign
                shifted.append(
                    float(slope([B.tensor(moved) if n == i else x for n, x in enumerate(points)]))
                )
            expected = (shifted[0] - shifted[1]) / (2 * step)
            np.testing.assert_allclose(np.asarray(grad).ravel()[j], expected, rtol=1e-4, atol=1e-6)


def test_half_precision_and_programs():
    q, k, v = tensors("float32", *[(2, 9, 2, 8)] * 3)
    exact = np.asarray(ops.dot_product_attention(q, k, v, is_causal=True))
    for dtype, tolerance in (("bfloat16", 3e-2), ("float16", 4e-3)):
        out = ops.dot_product_attention(*(ops.cast(x, dtype) for x in (q, k, v)), is_causal=True)
        assert out.dtype == dtype
        np.testing.assert_allclose(
            np.asarray(ops.cast(out, "float32")), exact, tolerance, tolerance
        )
    compiled = keras.jit(lambda q, k, v: ops.dot_product_attention(q, k, v, is_causal=True))
    np.testing.assert_allclose(np.asarray(compiled(q, k, v)), exact, 1e-6, 1e-7)


def test_dropout_of_the_layer_repeats_and_averages():
    x = tensors("float32", (4, 40, 16))[0]
    layer = keras.layers.MultiHeadAttention(2, 8, dropout=0.3, seed=11)
    layer(x, x)
    calm = np.asarray(layer(x, x, training=False))
    mean = np.mean([np.asarray(layer(x, x, training=True)) for _ in range(60)], 0)
    assert np.abs(mean - calm).max() < 0.25 * np.abs(calm).max()
    again = keras.layers.MultiHeadAttention(2, 8, dropout=0.3, seed=11)
    again(x, x)
    again.set_weights(layer.get_weights())
    first = keras.layers.MultiHeadAttention(2, 8, dropout=0.3, seed=11)
    first(x, x)
    first.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        np.asarray(again(x, x, training=True)), np.asarray(first(x, x, training=True))
    )


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3, 4), (2, 3, 4), (2, 3, 4)),
        ((2, 3, 4, 5), (2, 6, 3, 5), (2, 6, 3, 5)),
        ((2, 3, 4, 5), (2, 6, 4, 6), (2, 6, 4, 6)),
        ((2, 3, 4, 5), (2, 6, 4, 5), (2, 7, 4, 5)),
    ],
)
def test_shape_errors(shapes):
    with pytest.raises(ValueError, match="query"):
        ops.dot_product_attention(*(np.zeros(s, "float32") for s in shapes))


def test_soft_cap_is_refused():
    x = np.zeros((1, 2, 1, 4), "float32")
    with pytest.raises(ValueError, match="soft_cap"):
        ops.dot_product_attention(x, x, x, attn_logits_soft_cap=1.0)
