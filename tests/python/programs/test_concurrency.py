"""Threads and processes: predictions beside training see no torn weights; a fork keeps working."""

import os
import signal
import threading

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers

UNITS = 64


def ramp_model():
    """A model whose weights all hold the same number, the count of steps: a torn read shows."""

    class Ramp(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = self.add_weight((UNITS, UNITS), initializer="zeros", name="first")
            self.second = self.add_weight((UNITS, UNITS), initializer="zeros", name="second")

        def call(self, x):
            low = [keras.ops.min(v) for v in (self.first, self.second)]
            high = [keras.ops.max(v) for v in (self.first, self.second)]
            return keras.ops.stack([*low, *high]) + keras.ops.sum(x) * 0.0

        def train_step(self, data):
            for v in (self.first, self.second):
                v.assign(v + 1.0)
            return {"steps": self.first[0, 0]}

    model = Ramp()
    model.compile()
    return model


def test_eight_threads_predict_while_one_trains():
    model = ramp_model()
    x = np.zeros((4, 2), "float32")
    model(x)
    model.predict_on_batch(x)
    model.train_on_batch(x)
    done = threading.Event()
    torn, seen, errors = [], set(), []

    def watch():
        try:
            last = 0.0
            while not done.is_set():
                values = model.predict_on_batch(x)
                if len(set(values.tolist())) != 1 or values[0] < last:
                    torn.append(values)
                last = values[0]
                seen.add(float(last))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=watch) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        model.fit(np.zeros((4 * 3000, 2), "float32"), batch_size=4, epochs=2, verbose=0)
    finally:
        done.set()
        for thread in threads:
            thread.join(timeout=60)
    assert errors == []
    assert torn == []
    assert len(seen) > 1
    assert float(model.predict_on_batch(x)[0]) == 6001.0


def test_threads_train_their_own_models_as_one_thread_would():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 10)).astype("float32"), rng.normal(size=(200, 2)).astype("float32")
    start = [rng.normal(size=s).astype("float32") for s in ((10, 32), (32,), (32, 2), (2,))]

    def train(results, i):
        model = keras.Sequential(
            [keras.Input((10,)), layers.Dense(32, activation="tanh"), layers.Dense(2)]
        )
        model.compile("adam", "mse")
        model.set_weights(start)
        model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
        results[i] = [np.array(w) for w in model.weights]

    results = {}
    threads = [threading.Thread(target=train, args=(results, i)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(results) == 4
    for other in list(results.values())[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_predicts_and_trains():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(256, 64)).astype("float32"), rng.normal(size=(256, 8)).astype("float32")
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(256, activation="relu"), layers.Dense(8)]
    )
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    expected = model.predict(x, verbose=0)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            same = np.array_equal(model.predict(x, verbose=0), expected)
            model.fit(x, y, verbose=0)
            moved = not np.array_equal(model.predict(x, verbose=0), expected)
            os.write(write, b"%d%d" % (same, moved))
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 2) == b"11"
    os.close(read)
    assert np.array_equal(model.predict(x, verbose=0), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_beside_training_has_the_model_for_itself():
    x, y = np.ones((2048, 128), "float32"), np.ones((2048, 4), "float32")
    model = keras.Sequential(
        [keras.Input((128,)), layers.Dense(256, activation="relu"), layers.Dense(4)]
    )
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    stop = threading.Event()

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = stop.is_set()

    training = threading.Thread(
        target=lambda: model.fit(x, y, epochs=10**6, verbose=0, callbacks=[Stop()])
    )
    training.start()
    try:
        for _ in range(8):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    signal.alarm(60)  # a child that waits for the parent's thread ends
                    model.train_on_batch(x[:8], y[:8])
                    code = 0 if len(model.get_weights()) == 4 else 2
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        training.join()
