"""Adapters: rows, orders, dtypes, weights, batches in order, bad input."""

import threading
import time

import numpy as np
import pytest

import ranvier
from ranvier import ops, utils
from ranvier.training import data_adapters as adapters


def _rows(adapter, epochs=1):
    """The rows that each epoch of `steps` or all batches reads."""
    out = []
    for _ in range(epochs):
        order = adapter.order()
        order = np.arange(adapter.rows) if order is None else order
        assert order.dtype == np.int64
        out.append(order)
    return out


def test_every_row_once_per_epoch_in_new_order():
    adapter = adapters.get_adapter(np.zeros((50, 2)), batch_size=8)
    first, second = _rows(adapter, 2)
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first != second).any() and (first != np.arange(50)).any()
    assert adapter.num_batches == 7


def test_global_seed_rules_the_order():
    orders = []
    for _ in range(2):
        utils.set_random_seed(3)
        orders.append(_rows(adapters.get_adapter(np.zeros((30, 1)), shuffle=True))[0])
    np.testing.assert_array_equal(*orders)


def test_batches_in_new_order_keep_their_rows():
    adapter = adapters.get_adapter(np.zeros((22, 1)), batch_size=4, shuffle="batch")
    order = _rows(adapter)[0]
    blocks = order[:20].reshape(5, 4)
    assert sorted(blocks[:, 0]) == [0, 4, 8, 12, 16]
    np.testing.assert_array_equal(blocks - blocks[:, :1], np.tile(np.arange(4), (5, 1)))
    np.testing.assert_array_equal(order[20:], [20, 21])


def test_short_epochs_go_on_where_the_last_one_ended():
    adapter = adapters.get_adapter(np.zeros((12, 1)), batch_size=2, shuffle=True, steps=2)
    used = np.concatenate(_rows(adapter, 6))
    assert sorted(used[:12]) == sorted(used[12:]) == list(range(12))


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_short_epoch_ends_with_the_pass_over_the_data(run_eagerly):
    """13 rows in batches of 4, three steps an epoch: 12 rows, the last one, 12 rows, ..."""
    x = np.arange(13, dtype="float32")[:, None]
    model = ranvier.Sequential([ranvier.Input((1,)), ranvier.layers.Identity()])
    model.compile(loss=lambda y, prediction: prediction, run_eagerly=run_eagerly)
    with pytest.warns(UserWarning):
        losses = model.fit(
            x, x, batch_size=4, steps_per_epoch=3, epochs=4, shuffle=False, verbose=0
        ).history["loss"]
    np.testing.assert_allclose(losses, [5.5, 12.0, 5.5, 12.0])


def test_unshuffled_is_left_alone():
    assert adapters.get_adapter(np.zeros((5, 1)), shuffle=False).order() is None


def test_batch_size_from_steps():
    assert adapters.get_adapter(np.zeros((10, 1)), steps=3).batch_size == 4
    assert adapters.get_adapter(np.zeros((10, 1))).batch_size == 32


def test_more_steps_than_batches_warn():
    adapter = adapters.get_adapter(np.zeros((10, 1)), batch_size=5, steps=4)
    with pytest.warns(UserWarning, match="ran out of data"):
        adapter.order()


def test_structures_are_packed_back():
    x = {"b": np.zeros((4, 2)), "a": [np.ones((4, 1)), np.ones((4, 3))]}
    adapter = adapters.get_adapter(x, np.zeros(4, "int64"))
    assert [a.shape for a in adapter.arrays] == [(4, 1), (4, 3), (4, 2), (4,)]
    packed = adapter.pack(["a0", "a1", "b", "y"])
    assert packed == ({"b": "b", "a": ["a0", "a1"]}, "y")
    assert adapters.get_adapter(np.zeros((4, 2))).pack(["x"]) == "x"


@pytest.mark.parametrize(
    "given,target",
    [
        ("float64", "float32"), ("float16", "float32"), ("float32", "float32"), ("int64", "int64"),
        ("uint8", "uint8"), ("bool", "bool"), ("int32", "int32"),
    ],
)  # fmt: skip
def test_floats_become_floatx(given, target):
    adapter = adapters.get_adapter(np.zeros((4, 2), given))
    assert adapter.dtypes == [target]
    assert adapters.to_arrays(np.zeros((4, 2), given)).dtype == target


def test_arrays_are_dense_and_not_copied_without_need():
    dense = np.zeros((6, 4), "float32")
    assert adapters.get_adapter(dense).arrays[0] is dense
    strided = np.zeros((4, 6), "float32").T
    assert adapters.get_adapter(strided).arrays[0].flags.c_contiguous


def test_lists_tensors_and_frames():
    assert adapters.get_adapter([[1.0, 2.0], [3.0, 4.0]], [0, 1]).rows == 2
    assert adapters.get_adapter(ops.ones((3, 2))).rows == 3

    class Series:
        def __init__(self, values):
            self._values = np.asarray(values)

        def to_numpy(self):
            return self._values

        def __array__(self, dtype=None, copy=None):
            return self._values

    assert adapters.get_adapter(Series([1.0, 2.0])).arrays[0].shape == (2, 1)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1, 2, 3]})
    adapter = adapters.get_adapter(frame, frame["b"])
    assert [a.shape for a in adapter.arrays] == [(3, 2), (3, 1)]


def test_class_weights():
    weights = adapters.class_weight_to_sample_weights(np.array([0, 2, 1, 2]), {0: 0.5, 2: 3.0})
    np.testing.assert_allclose(weights, [0.5, 3.0, 1.0, 3.0])
    one_hot = np.eye(3)[[0, 2]]
    np.testing.assert_allclose(
        adapters.class_weight_to_sample_weights(one_hot, {0: 0.5, 2: 3.0}), [0.5, 3.0]
    )
    labels = np.array([[0], [1], [1], [0]])
    adapter = adapters.get_adapter(np.zeros((4, 1)), labels, class_weight={1: 2.0})
    np.testing.assert_allclose(adapter.arrays[2], [1, 2, 2, 1])


def test_weights_of_several_outputs():
    y = [np.zeros((4, 1)), np.zeros((4, 2))]
    adapter = adapters.get_adapter(np.zeros((4, 3)), y, np.arange(4.0))
    assert len(adapter.arrays) == 5
    with pytest.raises(ValueError, match="one `sample_weight` array per output"):
        adapters.get_adapter(np.zeros((4, 3)), y, [np.ones(4)] * 3)
    with pytest.raises(ValueError, match="one scalar score per sample"):
        adapters.get_adapter(np.zeros((4, 3)), y, np.ones((4, 2)))
    with pytest.raises(ValueError, match="single output"):
        adapters.get_adapter(np.zeros((4, 3)), y, class_weight={0: 1.0})


def test_split():
    x, y = np.arange(10.0)[:, None], np.arange(10)
    (a, b, c), (d, e, f) = adapters.train_validation_split((x, y, None), 0.3)
    np.testing.assert_array_equal(b, np.arange(7))
    np.testing.assert_array_equal(e, [7, 8, 9])
    assert a.shape == (7, 1) and d.shape == (3, 1) and c is None and f is None
    with pytest.raises(ValueError, match="not sufficient to split"):
        adapters.train_validation_split((x[:1], y[:1]), 0.5)
    with pytest.raises(ValueError, match="only supported for tensors or NumPy arrays"):
        adapters.train_validation_split((iter([]),), 0.5)


FOUR = np.zeros((4, 1))


@pytest.mark.parametrize(
    "call,error,message",
    [
        (lambda: adapters.get_adapter(FOUR, np.zeros(5)), ValueError, "x has 4 rows; y has 5 rows"),
        (lambda: adapters.get_adapter(np.zeros((0, 3)), np.zeros(0)), ValueError, "no samples"),
        (lambda: adapters.get_adapter(np.float32(3.0)), ValueError, "at least one axis"),
        (lambda: adapters.get_adapter(FOUR, np.array(list("abcd"))), TypeError, "must be numbers"),
        (lambda: adapters.get_adapter("data.csv"), ValueError, "Unrecognized data type"),
        (lambda: adapters.get_adapter(None), ValueError, "Unrecognized data type"),
        (lambda: adapters.get_adapter(iter(()), FOUR), ValueError, "`y` should not be passed"),
        (lambda: adapters.get_adapter(i for i in ()), ValueError, "empty generator"),
        (lambda: adapters.get_adapter(FOUR for _ in "ab"), ValueError, "must return a tuple"),
        (lambda: adapters.get_adapter(FOUR, batch_size=0), ValueError, "batch_size"),
        (lambda: adapters.unpack_x_y_sample_weight((1, 2, 3, 4)), ValueError, "to be in format"),
    ],
)  # fmt: skip
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_pack_and_unpack():
    for data in ((1,), (1, 2), (1, 2, 3)):
        x, y, w = adapters.unpack_x_y_sample_weight(data)
        packed = adapters.pack_x_y_sample_weight(x, y, w)
        assert packed == (data if len(data) > 1 else 1)
    assert adapters.unpack_x_y_sample_weight({"a": 1}) == ({"a": 1}, None, None)
    assert adapters.pack_x_y_sample_weight([1, 2]) == ([1, 2],)


def _generator(count):
    for i in range(count):
        yield np.full((2, 3), float(i)), np.zeros(2)


def _seen(adapter):
    return [int(batch[0][0, 0]) for batch in adapter.batches()]


def test_generator_goes_on_over_epochs():
    adapter = adapters.get_adapter(_generator(5), steps=2, shuffle=False)
    adapter.continues = True
    assert adapter.num_batches is None and adapter.kind == "batches"
    assert _seen(adapter) == [0, 1]
    assert _seen(adapter) == [2, 3]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert _seen(adapter) == [4]
    assert _seen(adapter) == [0, 1]  # the batches that were looked at first
    with pytest.warns(UserWarning, match="ran out of data"):
        assert _seen(adapter) == []


def test_validations_begin_anew():
    adapter = adapters.get_adapter(_generator(5), steps=3, shuffle=False)
    assert _seen(adapter) == [0, 1, 2]
    assert _seen(adapter) == [0, 1, 3]


def test_generator_without_steps_ends_by_itself():
    with pytest.warns(UserWarning, match="shuffle=True"):
        adapter = adapters.get_adapter(_generator(3))
    with pytest.warns(UserWarning, match="ran out of data"):
        assert _seen(adapter) == [0, 1, 2]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert _seen(adapter) == [0, 1]


def test_iterables_begin_anew():
    batches = [(np.full((2, 1), float(i)), np.zeros(2)) for i in range(3)]

    class Source:
        def __iter__(self):
            return iter(batches)

    adapter = adapters.get_adapter(Source())
    assert _seen(adapter) == _seen(adapter) == [0, 1, 2]
    adapter = adapters.get_adapter(Source(), steps=2)
    adapter.continues = True
    assert _seen(adapter) == [0, 1]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert _seen(adapter) == [2]
    assert _seen(adapter) == [0, 1]


def test_float64_batches_become_floatx():
    batch = next(iter(adapters.get_adapter(_generator(1), shuffle=False).batches()))
    assert batch[0].dtype == batch[1].dtype == np.float32


class Squares(utils.PyDataset):
    def __init__(self, count, delay=0.0, **kwargs):
        super().__init__(**kwargs)
        self.count, self.delay = count, delay
        self.threads, self.epochs = set(), []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        time.sleep(self.delay * (index % 3))
        self.threads.add(threading.get_ident())
        return np.full((2, 1), float(index)), np.array([0, 1])

    def on_epoch_end(self):
        self.epochs.append("end")


@pytest.mark.parametrize("workers", [1, 4])
def test_dataset_batches_come_in_order(workers):
    dataset = Squares(20, 0.002, workers=workers, max_queue_size=6)
    adapter = adapters.get_adapter(dataset, shuffle=False)
    assert adapter.num_batches == 20
    assert _seen(adapter) == _seen(adapter) == list(range(20))
    assert len(dataset.threads) > 1 if workers > 1 else len(dataset.threads) == 1
    adapter.on_epoch_begin()
    adapter.on_epoch_end()
    assert dataset.epochs == ["end"]


def test_training_and_evaluations_begin_with_the_end_of_an_epoch():
    dataset = Squares(3)
    model = ranvier.Sequential([ranvier.Input((1,)), ranvier.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(dataset, epochs=2, verbose=0)
    assert len(dataset.epochs) == 3
    model.evaluate(dataset, verbose=0)
    assert len(dataset.epochs) == 5


def test_dataset_is_shuffled_by_batch():
    seen = _seen(adapters.get_adapter(Squares(30), shuffle=True))
    assert sorted(seen) == list(range(30)) and seen != list(range(30))


def test_dataset_that_is_left_early_stops_its_workers():
    before = threading.active_count()
    batches = adapters.get_adapter(Squares(50, 0.001, workers=3), shuffle=False).batches()
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_dataset_with_class_weights():
    adapter = adapters.get_adapter(Squares(2), shuffle=False, class_weight={1: 5.0})
    np.testing.assert_allclose(next(iter(adapter.batches()))[2], [1.0, 5.0])


def test_error_in_a_worker_is_seen():
    class Broken(Squares):
        def __getitem__(self, index):
            if index == 3:
                raise OSError("disk is gone")
            return super().__getitem__(index)

    with pytest.raises(OSError, match="disk is gone"):
        _seen(adapters.get_adapter(Broken(8, workers=2), shuffle=False))


def test_torch_loader():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.arange(10.0)[:, None], torch.arange(10))
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    adapter = adapters.get_adapter(loader)
    batches = list(adapter.batches())
    assert adapter.num_batches == 3 and adapter.batch_size == 4
    assert [b[0].shape for b in batches] == [(4, 1), (4, 1), (2, 1)]
    with pytest.raises(ValueError, match="class_weight"):
        adapters.get_adapter(loader, class_weight={0: 1.0})


def test_fit_takes_every_source():
    layers = ranvier.layers
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 1))

    class Source:
        def __iter__(self):
            return iter([(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)])

    class Data(utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return x[4 * i : 4 * i + 4], y[4 * i : 4 * i + 4]

    losses = []
    for source in (Source(), Data(), Data(workers=2), x):
        ranvier.utils.set_random_seed(1)
        model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        arguments = {"y": y, "batch_size": 4} if source is x else {}
        history = model.fit(source, epochs=2, shuffle=False, verbose=0, **arguments)
        losses.append(history.history["loss"])
        assert int(model.optimizer.iterations) == 6
    np.testing.assert_allclose(losses, [losses[0]] * 4, rtol=1e-5)


@pytest.mark.parametrize("steps", [1.5, "2"])
def test_steps_are_whole(steps):
    with pytest.raises(TypeError, match="`steps` must be an integer"):
        adapters.get_adapter(np.zeros((4, 1)), steps=steps)
