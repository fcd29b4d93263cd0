"""Quantizers, their configs and the quantized policies against real Keras."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
import ranvier  # noqa: E402

BOTH = (ranvier, keras)
RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(37, 10)).astype("float32")


def arrays(results):
    results = results if isinstance(results, tuple) else (results,)
    return [np.asarray(r) if hasattr(r, "shape") else r for r in results]


def compare(call, exact=True):
    ours, theirs = (arrays(call(k)) for k in BOTH)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("to_numpy", [False, True])
@pytest.mark.parametrize("axis", [0, -1, (0, 1)])
def test_abs_max(axis, to_numpy):
    compare(lambda k: k.quantizers.abs_max_quantize(MATRIX, axis, to_numpy=to_numpy), False)
    compare(lambda k: k.quantizers.AbsMaxQuantizer(axis)(MATRIX, to_numpy=to_numpy), False)


@pytest.mark.parametrize("to_numpy", [False, True])
@pytest.mark.parametrize("block", [4, 16, 64])
def test_grouped(block, to_numpy):
    compare(
        lambda k: k.quantizers.abs_max_quantize_grouped_with_zero_point(
            MATRIX, block, to_numpy=to_numpy
        ),
        False,
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_int4(axis, dtype):
    low = -8 if dtype == "int8" else 0
    values = RNG.integers(low, low + 16, (5, 7, 3)).astype(dtype)
    compare(lambda k: k.quantizers.pack_int4(values, axis, dtype))
    packed, _, length = keras.quantizers.pack_int4(values, axis, dtype)
    packed = np.asarray(packed)
    compare(lambda k: k.quantizers.unpack_int4(k.ops.array(packed), length, axis, dtype))


def test_float8():
    history = np.array([0.5, 2.0, 1.0], "float32")
    compare(lambda k: k.quantizers.compute_float8_amax_history(MATRIX, k.ops.array(history)))
    for amax in (0.0, 3.0, np.inf):
        compare(lambda k, a=amax: k.quantizers.compute_float8_scale(k.ops.array(a, "float32"),
                k.ops.array(0.25), 448.0, 1))  # fmt: skip
    for dtype in ("float8_e4m3fn", "float8_e5m2"):
        compare(lambda k, d=dtype: k.quantizers.quantize_and_dequantize(
            k.ops.array(MATRIX * 300), k.ops.array(0.7), d, "float32"))  # fmt: skip


@pytest.mark.parametrize("axis,size", [(None, ()), (1, (10,)), (0, (37, 1))])
@pytest.mark.parametrize("narrow", [False, True])
def test_fake_quant(axis, size, narrow):
    low = np.full(size, -0.9, "float32")
    high = np.full(size, 1.1, "float32")
    compare(lambda k: k.quantizers.fake_quant_with_min_max_vars(
        MATRIX, low, high, num_bits=4, narrow_range=narrow, axis=axis), False)  # fmt: skip
    with ranvier.GradientTape() as tape:
        inputs = [ranvier.ops.array(a) for a in (MATRIX, low, high)]
        tape.watch(inputs)
        y = ranvier.quantizers.fake_quant_with_min_max_vars(
            *inputs, num_bits=4, narrow_range=narrow, axis=axis
        )
        loss = ranvier.ops.sum(y * MATRIX)
    ours = tape.gradient(loss, inputs)
    import jax

    theirs = jax.grad(
        lambda *a: keras.ops.sum(
            keras.quantizers.fake_quant_with_min_max_vars(
                *a, num_bits=4, narrow_range=narrow, axis=axis
            )
            * MATRIX
        ),
        argnums=(0, 1, 2),
    )(MATRIX, low, high)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-5)


CONFIGS = [
    lambda q: q.AbsMaxQuantizer(axis=0),
    lambda q: q.Int8QuantizationConfig(),
    lambda q: q.Int8QuantizationConfig(q.AbsMaxQuantizer(axis=0), None),
    lambda q: q.Int4QuantizationConfig(),
    lambda q: q.Int4QuantizationConfig(block_size=None),
    lambda q: q.Float8QuantizationConfig(),
]


@pytest.mark.parametrize("index", range(len(CONFIGS)))
def test_configs(index):
    ours, theirs = (k.quantizers.serialize(CONFIGS[index](k.quantizers)) for k in BOTH)
    assert json.dumps(ours) == json.dumps(theirs)
    again = ranvier.quantizers.deserialize(theirs)
    assert again.get_config() == CONFIGS[index](ranvier.quantizers).get_config()


POLICIES = [
    "int8_from_float32",
    "int4_from_mixed_bfloat16",
    "int4/32_from_float32",
    "float8_from_mixed_bfloat16",
    "gptq/4/128_from_float32",
    "awq/4/-1_from_float32",
]


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name):
    ours, theirs = (k.dtype_policies.get(name) for k in BOTH)
    for key in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(ours, key) == getattr(theirs, key)
    assert type(ours).__name__ == type(theirs).__name__
    assert ranvier.dtype_policies.serialize(ours) == keras.dtype_policies.serialize(theirs)
    assert ranvier.dtype_policies.deserialize(keras.dtype_policies.serialize(theirs)) == ours
    assert repr(ours) == repr(theirs)


BAD = ["int8", "int4/0_from_float32", "int4/x_from_float32", "gptq/5/128_from_float32",
       "gptq/4_from_float32", "awq/3/128_from_float32", "int8_from_float16",
       "gptq/4/0_from_float32", "int8_from_nothing", "awq/4/0_from_float32"]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_policies(name):
    errors = []
    for k in BOTH:
        with pytest.raises(ValueError) as error:
            k.dtype_policies.get(name)
        errors.append(str(error.value))
    assert errors[0] == errors[1]
