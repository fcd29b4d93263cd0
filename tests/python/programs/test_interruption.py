"""What goes wrong in the middle of training leaves a model that can be used and trained on."""

import _thread
import signal
import threading

import numpy as np
import pytest

import ranvier as keras
from ranvier import _backend as B
from ranvier import layers

rng = np.random.default_rng(2)


def model_of(last=None, loss="mse", units=3):
    keras.utils.set_random_seed(4)
    model = keras.Sequential([
        keras.Input((8,)),
        layers.Dense(16, activation="relu"),
        layers.Dense(units, activation=last),
    ])  # fmt: skip
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    return model


def state(model):
    return [np.array(v) for v in (*model.variables, *model.optimizer.variables)]


def equal(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


class InterruptLater(keras.callbacks.Callback):
    """Ctrl-C a moment into the second epoch: from another thread, while the loop runs."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.timer = threading.Timer(0.05, _thread.interrupt_main)
            self.timer.start()


@pytest.fixture
def ctrl_c():
    """Python ignores Ctrl-C where its parent did, as shells have it for background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield InterruptLater()
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_inside_an_epoch_keeps_the_weights_of_a_finished_step(ctrl_c):
    rows, batch = 80_000, 8
    x, y = (
        rng.normal(size=(rows, 8)).astype("float32"),
        rng.normal(size=(rows, 3)).astype("float32"),
    )
    model = model_of()
    model.train_on_batch(x[:batch], y[:batch])
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            x, y, batch_size=batch, epochs=10**6, shuffle=False, verbose=0, callbacks=[ctrl_c]
        )
    steps = int(model.optimizer.iterations)
    assert steps > rows // batch
    left = state(model)

    # The same number of steps from the same start, without an interruption.
    twin = model_of()
    twin.train_on_batch(x[:batch], y[:batch])
    per_epoch = rows // batch
    whole, rest = divmod(steps - 1, per_epoch)
    for _ in range(whole):
        twin.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
    if rest:
        twin.fit(x[: rest * batch], y[: rest * batch], batch_size=batch, shuffle=False, verbose=0)
    assert equal(left, state(twin))
    model.fit(x[:80], y[:80], batch_size=batch, verbose=0)
    assert int(model.optimizer.iterations) == steps + 10
    assert np.isfinite(model.predict(x[:5], verbose=0)).all()


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_bad_label_stops_before_its_step_writes(run_eagerly):
    x, y = rng.normal(size=(40, 8)).astype("float32"), rng.integers(0, 3, 40).astype("int32")
    model = model_of("softmax", "sparse_categorical_crossentropy")
    model.run_eagerly = run_eagerly
    model.fit(x[:20], y[:20], batch_size=10, shuffle=False, verbose=0)
    before = state(model)
    bad = y.copy()
    bad[25] = 3  # in the third batch of the fit below
    with pytest.raises(B.RangeError, match="3"):
        model.fit(x[20:], bad[20:], batch_size=10, shuffle=False, verbose=0)
    assert equal(before, state(model))
    model.fit(x, y, batch_size=10, verbose=0)


def test_batches_before_the_bad_one_count():
    x, y = rng.normal(size=(30, 8)).astype("float32"), rng.integers(0, 3, 30).astype("int32")
    bad = y.copy()
    bad[25] = -1
    one, two = (model_of("softmax", "sparse_categorical_crossentropy") for _ in range(2))
    with pytest.raises(B.RangeError):
        one.fit(x, bad, batch_size=10, shuffle=False, verbose=0)
    two.fit(x[:20], y[:20], batch_size=10, shuffle=False, verbose=0)
    assert equal(state(one), state(two))


def test_a_generator_that_raises_keeps_the_finished_steps():
    x, y = rng.normal(size=(10, 8)).astype("float32"), rng.normal(size=(10, 3)).astype("float32")

    def batches():
        yield x, y
        yield x, y
        raise OSError("the disk is gone")

    model = model_of()
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(batches(), shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 2
    model.fit(x, y, verbose=0)


def test_a_generator_that_ends_early_says_so_and_trains_on_what_came():
    x, y = rng.normal(size=(10, 8)).astype("float32"), rng.normal(size=(10, 3)).astype("float32")
    model = model_of()
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(((x, y) for _ in range(3)), steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 3


def test_nan_in_the_data_is_seen_and_stopped():
    x, y = rng.normal(size=(64, 8)).astype("float32"), rng.normal(size=(64, 3)).astype("float32")
    x[17, 3] = np.nan
    model = model_of()
    history = model.fit(
        x, y, batch_size=16, epochs=5, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]
    ).history
    assert int(model.optimizer.iterations) < 20
    assert not np.isfinite(history["loss"][-1])


def test_a_callback_that_raises_keeps_the_finished_steps():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise RuntimeError("enough")

    x, y = np.zeros((64, 8), "float32"), np.zeros((64, 3), "float32")
    model = model_of()
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(x, y, batch_size=8, verbose=0, callbacks=[Stop()])
    assert int(model.optimizer.iterations) == 3
    assert model.predict(x, verbose=0).shape == (64, 3)


def test_logits_at_odds_with_the_last_activation_warn():
    x, y = rng.normal(size=(10, 8)).astype("float32"), rng.integers(0, 3, 10).astype("int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = model_of("softmax", loss)
    with pytest.warns(UserWarning, match="from_logits"):
        model.fit(x, y, verbose=0)
