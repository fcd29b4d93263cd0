"""x[key] against NumPy: of values, where C++ reads the key, of symbols and under tapes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ranvier import GradientTape, Variable, jit, ops


def random_item(rng: random.Random, size: int):
    if size and rng.random() < 0.4:
        k = rng.randrange(-size, size)
        return rng.choice((k, np.int32(k), np.uint8(k % size)))
    parts = (None, *range(-size - 2, size + 3))
    start, stop = rng.choice(parts), rng.choice(parts)
    return slice(start, stop, rng.choice((None, 1, 2, -1, -3, np.int64(2))))


def random_key(rng: random.Random, shape: tuple[int, ...]):
    """Fewer items than axes or as many, new axes between them, at most one ellipsis."""
    head = rng.randint(0, len(shape))
    items = [random_item(rng, n) for n in shape[:head]]
    if rng.random() < 0.5:
        tail = rng.randint(head, len(shape))
        items += [Ellipsis, *(random_item(rng, n) for n in shape[tail:])]
    for _ in range(rng.choice((0, 0, 1, 2))):
        items.insert(rng.randint(0, len(items)), None)
    return items[0] if len(items) == 1 and rng.random() < 0.5 else tuple(items)


@pytest.mark.parametrize("rank", range(5))
@pytest.mark.parametrize("dtype", ["float32", "bool", "int16", "float64"])
def test_random_keys_as_numpy(rank, dtype):
    rng = random.Random(f"{rank} {dtype}")
    for _ in range(150):
        shape = tuple(rng.choice((0, 1, 2, 3, 5)) for _ in range(rank))
        values = (np.arange(np.prod(shape)).reshape(shape) % 7).astype(dtype)
        key = random_key(rng, shape)
        item = ops.convert_to_tensor(values)[key]
        assert item.dtype == dtype
        np.testing.assert_array_equal(item, values[key], err_msg=f"{shape}[{key}]", strict=True)


def test_values_symbols_and_tapes_agree():
    rng = random.Random(5)
    x = ops.reshape(ops.arange(24, dtype="float32"), (2, 3, 4))
    for _ in range(20):
        key = random_key(rng, x.shape)
        np.testing.assert_array_equal(jit(lambda x, key=key: x[key])(x), x[key])
        with GradientTape() as tape:
            tape.watch(x)
            item = x[key]
        ones = np.zeros(x.shape)
        ones[key] = 1
        np.testing.assert_array_equal(tape.gradient(item, x), ones, err_msg=str(key))


def test_rows_one_after_another():
    values = np.arange(12, dtype="float32").reshape(4, 3)
    for rows in (ops.convert_to_tensor(values), Variable(values)):
        assert [row.tolist() for row in rows] == values.tolist()
        assert [rows[i].tolist() for i in np.arange(4)] == values.tolist()
    with pytest.raises(TypeError):
        iter(ops.convert_to_tensor(1.0))


def test_a_part_keeps_its_values_when_the_whole_is_gone():
    whole = ops.arange(6, dtype="float32")
    parts = whole[1:3], whole[None], whole[4]
    del whole
    assert [part.tolist() for part in parts] == [[1, 2], [[0, 1, 2, 3, 4, 5]], 4]


@pytest.mark.parametrize(
    "key, error",
    [
        (2, "index 2 is out of bounds for axis 0 with size 2"),
        (-3, "index -3 is out of bounds for axis 0"),
        (10**30, "out of bounds"),
        ((0, 3), "index 3 is out of bounds for axis 1 with size 3"),
        ((0, 0, 0), "too many indices: the tensor has 2 dimensions, but 3"),
        ((Ellipsis, Ellipsis), "single ellipsis"),
    ],
)
def test_a_wrong_key_says_what_is_wrong(key, error):
    with pytest.raises(IndexError, match=error):
        ops.zeros((2, 3))[key]


def test_keys_of_other_kinds():
    x = ops.zeros((2, 3))
    with pytest.raises(ValueError, match="zero"):
        x[::0]
    with pytest.raises(TypeError, match="valid indices"):
        x[1.0]
    for mask in (True, np.False_, (slice(None), False), (0, True, 1), ([0, 1], True)):
        np.testing.assert_array_equal(x[mask], x.numpy()[mask], strict=True)
    assert x[[1, 0]].shape == (2, 3)
    assert x[(None,) * 6].shape == (1,) * 6 + (2, 3)
