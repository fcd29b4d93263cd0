"""Symbolic shapes where an unknown size meets a known one, as Keras infers them."""

from __future__ import annotations

import pytest

from ranvier import KerasTensor, layers, ops


def symbol(*shape, dtype="float32"):
    return KerasTensor(shape, dtype=dtype)


ROWS = [
    (lambda: ops.matmul(symbol(None, None), symbol(4, 5)), (None, 5)),
    (lambda: ops.matmul(symbol(2, 3, None), symbol(None, 4, 5)), (2, 3, 5)),
    (lambda: ops.dot(symbol(None, None), symbol(4, 5)), (None, 5)),
    (lambda: ops.inner(symbol(None, None), symbol(4, 5)), (None, 4)),
    (lambda: ops.vdot(symbol(None, None), symbol(4, 5)), ()),
    (lambda: ops.tensordot(symbol(None, None, None), symbol(3, 4, 5), axes=2), (None, 5)),
    (lambda: ops.einsum("bij,jk->bik", symbol(None, None, None), symbol(4, 5)), (None, None, 5)),
    (lambda: ops.nextafter(symbol(None, 3), symbol(2, 3)), (2, 3)),
    (lambda: ops.bitwise_and(symbol(None, 3, dtype="int32"), symbol(2, 3, dtype="int32")), (2, 3)),
    (lambda: layers.Attention()([symbol(None, 4, 3), symbol(2, None, 3)]), (2, 4, 3)),
]


OPEN = [
    (lambda: layers.Conv2D(8, 16, strides=16)(symbol(None, None, None, 3)), (None, None, None, 8)),
    (lambda: layers.MaxPooling1D(100)(symbol(None, None, 3)), (None, None, 3)),
    (lambda: ops.extract_sequences(symbol(3, None), 2, 10), (3, None, 2)),
    (lambda: ops.diag(symbol(None, 4)), (None,)),
    (lambda: ops.diagonal(symbol(None, 4, 5)), (5, None)),
    (lambda: symbol(None, 5, 16)[:5, 3:, 3:12:2], (None, 2, 5)),
    (lambda: symbol(None, 5)[-3:, None, 0], (None, 1)),
    (lambda: ops.repeat(symbol(None, 3), [1, 2], axis=0), (3, 3)),
    (lambda: ops.correlate(symbol(None), symbol(None)), (None,)),
    (lambda: layers.MelSpectrogram()(symbol(2, None)), (2, 128, None)),
    (lambda: ops.image.rgb_to_grayscale(symbol(2, None, 5, None)), (2, None, 5, 1)),
    (lambda: ops.image.rgb_to_hsv(symbol(None, 4, 5), data_format="channels_first"), (None, 4, 5)),
    (lambda: ops.image.hsv_to_rgb(symbol(2, 4, 5, None)), (2, 4, 5, None)),
]


@pytest.mark.parametrize(("infer", "shape"), OPEN)
def test_what_an_unknown_size_decides_stays_unknown(infer, shape):
    assert infer().shape == shape


@pytest.mark.parametrize(("infer", "shape"), ROWS)
def test_an_unknown_size_takes_the_known_one(infer, shape):
    assert infer().shape == shape


def test_sizes_that_cannot_meet_are_refused():
    with pytest.raises(ValueError, match="inner sizes"):
        ops.matmul(symbol(None, 3), symbol(4, 5))
    with pytest.raises(ValueError, match="shapes"):
        ops.add(symbol(None, 3), symbol(None, 4))
