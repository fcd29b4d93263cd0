"""Callbacks: which hooks are called and when, and what each callback does."""

import csv
import json
import os
import re

import numpy as np
import pytest

import ranvier
from ranvier import callbacks, layers
from ranvier.callbacks import CallbackList


def _data(rows=24):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3)).astype("float32")
    return x, x.sum(1, keepdims=True)


def _model(learning_rate=0.1, metrics=None):
    ranvier.utils.set_random_seed(0)
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(1)])
    model.compile(ranvier.optimizers.SGD(learning_rate), "mse", metrics=metrics)
    return model


def _fit(model, *given, epochs=3, **kwargs):
    x, y = _data()
    return model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(given), **kwargs)


class Recorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []


def _hook(name):
    def hook(self, *args, **kwargs):
        self.calls.append((name, args[0] if args and isinstance(args[0], int) else None))

    return hook


for _name in [
    "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin",
    "on_train_batch_end", "on_test_begin", "on_test_end", "on_test_batch_begin",
    "on_test_batch_end", "on_predict_begin", "on_predict_end", "on_predict_batch_begin",
    "on_predict_batch_end",
]:  # fmt: skip
    setattr(Recorder, _name, _hook(_name))


def test_order_of_hooks():
    recorder = Recorder()
    x, y = _data(16)
    model = _model()
    held = x[:8], y[:8]
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[recorder], validation_data=held)
    epoch = [
        ("on_train_batch_begin", 0), ("on_train_batch_end", 0), ("on_train_batch_begin", 1),
        ("on_train_batch_end", 1), ("on_test_begin", None), ("on_test_batch_begin", 0),
        ("on_test_batch_end", 0), ("on_test_end", None),
    ]  # fmt: skip
    assert recorder.calls == [
        ("on_train_begin", None),
        ("on_epoch_begin", 0), *epoch, ("on_epoch_end", 0),
        ("on_epoch_begin", 1), *epoch, ("on_epoch_end", 1),
        ("on_train_end", None),
    ]  # fmt: skip
    recorder.calls.clear()
    model.predict(x, batch_size=8, verbose=0, callbacks=[recorder])
    assert [name for name, _ in recorder.calls] == [
        "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end",
        "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end",
    ]  # fmt: skip


def test_only_written_batch_hooks_are_needed(tmp_path):
    path = str(tmp_path / "m.keras")

    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            pass

    cases = [
        ([], (False, False, False)),
        ([callbacks.EarlyStopping(), callbacks.History()], (False, False, False)),
        ([callbacks.ModelCheckpoint(path)], (False, False, False)),
        ([callbacks.ModelCheckpoint(path, save_freq=3)], (True, False, False)),
        ([callbacks.LambdaCallback(on_epoch_end=print)], (False, False, False)),
        ([callbacks.LambdaCallback(on_train_batch_end=print)], (True, False, False)),
        ([callbacks.LambdaCallback(on_test_batch_end=print)], (False, True, False)),
        ([Old()], (True, False, False)),
        ([callbacks.TerminateOnNaN()], (True, False, False)),
        ([Recorder()], (True, True, True)),
    ]
    for given, needs in cases:
        found = CallbackList(given, add_history=True, add_progbar=True)
        assert needs == (
            found.needs_train_batches, found.needs_test_batches, found.needs_predict_batches
        )  # fmt: skip


def test_logs_are_python_floats():
    seen = []
    keep = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs),
        on_epoch_end=lambda epoch, logs: seen.append(logs),
    )
    _fit(_model(metrics=["mae"]), keep, epochs=1)
    assert len(seen) == 4
    for logs in seen:
        assert set(logs) == {"loss", "mae"}
        assert all(type(v) is float for v in logs.values())


def test_history():
    history = _fit(_model(metrics=["mae"]), validation_split=0.25)
    assert history.epoch == [0, 1, 2]
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    assert all(len(v) == 3 for v in history.history.values())
    assert history.params["epochs"] == 3
    assert history.model.history is history


def test_early_stopping_and_best_weights():
    class Fake(callbacks.Callback):
        values = [3.0, 1.0, 2.0, 2.0, 0.5]

        def on_epoch_end(self, epoch, logs=None):
            logs["watched"] = self.values[epoch]
            weights.append([np.array(w) for w in self.model.get_weights()])

    weights: list = []
    stop = callbacks.EarlyStopping("watched", patience=2, mode="min", restore_best_weights=True)
    model = _model()
    history = _fit(model, Fake(), stop, epochs=5)
    assert len(history.epoch) == 4 and stop.stopped_epoch == 3 and stop.best_epoch == 1
    for kept, now in zip(weights[1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_early_stopping_knows_the_direction():
    model = _model(metrics=["mae", "binary_accuracy"])
    for name, direction in (("val_loss", "down"), ("mae", "down"), ("val_binary_accuracy", "up")):
        stop = callbacks.EarlyStopping(name)
        _fit(model, stop, epochs=1, validation_split=0.25)
        assert (stop.monitor_op(1, 0)) == (direction == "up")
    with pytest.raises(ValueError, match="mode='max'"):
        _fit(model, callbacks.EarlyStopping("unheard"), epochs=1)
    with pytest.warns(UserWarning, match="not available.*loss"):
        _fit(model, callbacks.EarlyStopping("val_loss"), epochs=1)
    with pytest.warns(UserWarning, match="fallback to auto"):
        callbacks.EarlyStopping(mode="down")


def test_reduce_on_plateau():
    class Flat(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["watched"] = 1.0

    reduce = callbacks.ReduceLROnPlateau(
        "watched", factor=0.5, patience=2, mode="min", min_lr=0.03, cooldown=1
    )
    history = _fit(_model(0.1), Flat(), reduce, epochs=12)
    rates = history.history["learning_rate"]
    np.testing.assert_allclose(sorted(set(np.round(rates, 4)), reverse=True), [0.1, 0.05, 0.03])
    np.testing.assert_allclose(rates[:4], [0.1, 0.1, 0.1, 0.05], rtol=1e-6)
    with pytest.raises(ValueError, match="factor >= 1.0"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_learning_rate_scheduler():
    history = _fit(_model(1.0), callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5))
    np.testing.assert_allclose(history.history["learning_rate"], [0.5, 0.25, 0.125])
    history = _fit(_model(1.0), callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)))
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    with pytest.raises(ValueError, match="should be a float"):
        _fit(_model(), callbacks.LearningRateScheduler(lambda epoch, rate: "x"))


def _table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_csv(tmp_path):
    path = tmp_path / "log.csv"
    _fit(_model(metrics=["mae"]), callbacks.CSVLogger(path))
    rows = _table(path)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert set(rows[0]) == {"epoch", "loss", "mae", "val_loss", "val_mae"}
    assert rows[0]["val_loss"] == "NA" and float(rows[0]["loss"]) > 0
    _fit(_model(metrics=["mae"]), callbacks.CSVLogger(path, append=True))
    assert len(_table(path)) == 6


def test_terminate_on_nan():
    x, y = _data()
    y[9] = np.nan
    model = _model()
    stop = callbacks.TerminateOnNaN()
    seen = []
    count = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model.fit(x, y, batch_size=8, epochs=5, verbose=0, shuffle=False, callbacks=[stop, count])
    assert seen == [0, 1]
    with pytest.raises(RuntimeError, match="batch 1"):
        stop = callbacks.TerminateOnNaN(True)
        _model().fit(x, y, batch_size=8, verbose=0, shuffle=False, callbacks=[stop])


def test_stop_training_from_a_batch_hook():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = _model()
    _fit(model, Stop(), epochs=4)
    assert int(model.optimizer.iterations) == 2


class FakeModel:
    """Counts saves and writes a file."""

    def __init__(self):
        self.saved = []
        self.built = True
        self.optimizer = None
        self.metrics = []

    def save(self, path, overwrite=True):
        self.saved.append(os.path.basename(path))

    save_weights = save


def _run(callback, values, batches=0):
    model = FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        for batch in range(batches):
            callback.on_train_batch_end(batch, {"loss": value})
        callback.on_epoch_end(epoch, {"loss": value})
    return model.saved


def test_checkpoint_file_names_and_best(tmp_path):
    every = callbacks.ModelCheckpoint(tmp_path / "m-{epoch:02d}-{loss:.1f}.keras")
    assert _run(every, [3.0, 1.0, 2.0]) == ["m-01-3.0.keras", "m-02-1.0.keras", "m-03-2.0.keras"]
    best = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "loss", save_best_only=True)
    assert _run(best, [3.0, 1.0, 2.0, 0.5]) == ["1.keras", "2.keras", "4.keras"]
    after = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", "loss", save_best_only=True, save_weights_only=True,
        initial_value_threshold=1.5,
    )  # fmt: skip
    assert _run(after, [3.0, 1.0, 2.0]) == ["2.weights.h5"]
    batches = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=4)
    assert _run(batches, [1.0, 1.0], batches=6) == ["1-4.keras", "2-2.keras", "2-6.keras"]


def test_checkpoint_mistakes(tmp_path):
    with pytest.raises(ValueError, match=r"\.keras"):
        callbacks.ModelCheckpoint(tmp_path / "m.ckpt")
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        callbacks.ModelCheckpoint(tmp_path / "m.keras", save_weights_only=True)
    with pytest.raises(ValueError, match="save_freq"):
        callbacks.ModelCheckpoint(tmp_path / "m.keras", save_freq="batch")
    with pytest.raises(KeyError, match="acc"):
        _run(callbacks.ModelCheckpoint(tmp_path / "{acc}.keras"), [1.0])
    (tmp_path / "d.keras").mkdir()
    with pytest.raises(OSError, match="directory"):
        _run(callbacks.ModelCheckpoint(tmp_path / "d.keras"), [1.0])


def test_backup_writes_the_epoch_and_is_deleted(tmp_path):
    folder = tmp_path / "backup"
    kept = callbacks.BackupAndRestore(folder, delete_checkpoint=False)
    _run(kept, [1.0, 1.0])
    assert json.loads((folder / "training_metadata.json").read_text())["epoch"] == 2
    again = callbacks.BackupAndRestore(folder)
    again.set_model(FakeModel())
    again.on_train_begin()
    assert again.model._initial_epoch == 2
    again.on_train_end()
    assert not folder.exists()
    with pytest.raises(ValueError, match="backup_dir"):
        callbacks.BackupAndRestore("")


def test_one_line_per_epoch_where_there_is_no_terminal(capsys):
    x, y = _data()
    _model(metrics=["mae"]).fit(x, y, batch_size=8, epochs=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == ["Epoch 1/2", "Epoch 2/2"]
    results = [line for line in lines if line.startswith("3/3")]
    assert len(results) == 2 and all("loss: " in r and "mae: " in r for r in results)
    _model().fit(x, y, epochs=1, verbose=0)
    assert capsys.readouterr().out == ""


def test_bar_on_a_terminal(capsys, monkeypatch):
    from ranvier.training import progress

    monkeypatch.setattr(progress, "output_style", lambda: "bar")
    bar = progress.Progbar(10, interval=0.0, stateful_metrics=["loss"])
    for step in range(1, 11):
        bar.update(step, {"loss": 1.0 / step})
    frames = capsys.readouterr().out.split("\r")
    assert len(frames) == 11
    assert " 5/10" in frames[5] and "loss: 0.2000" in frames[5]
    assert frames[10].endswith("\n")


def test_the_line_off_a_terminal_is_the_bar_without_its_colours(capsys):
    bar = ranvier.utils.Progbar(12)
    bar.update(12, [("a", 0.25)])
    assert re.fullmatch(r"12/12 ━{20} 0s \d.*/step - a: 0.2500\n", capsys.readouterr().out)
    bar = ranvier.utils.Progbar(None)
    bar.update(3, finalize=True)
    assert re.fullmatch(r"      3/Unknown 0s \d.*/step\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    "names,text",
    [
        ({}, "a: 1.5000 - b: 1.0000"),
        ({"stateful_metrics": ["a"]}, "a: 3.0000 - b: 1.0000"),
        ({"stateless_metrics": ["a"]}, "a: 1.5000 - b: 2.0000"),
    ],
)
def test_bar_shows_means_of_stateless_values_and_at_the_end_the_last(names, text, capsys):
    bar = ranvier.utils.Progbar(3, interval=0.0, **names)
    bar._style = "line"
    bar.update(1, values=[("a", [0.0, 0.0]), ("b", 0)])
    bar.update(2, values=[("a", 3.0), ("b", 2)])
    assert text in capsys.readouterr().out
    bar.update(3, values=[("a", 5.0), ("b", 4)])
    assert "a: 5.0000 - b: 4.0000" in capsys.readouterr().out


def test_bar_takes_one_list_of_names():
    with pytest.raises(ValueError, match="Only one of"):
        ranvier.utils.Progbar(2, stateful_metrics=[], stateless_metrics=[])


@pytest.mark.parametrize(
    "value,text",
    [
        (0.5, "0.5000"),
        (0.0, "0.0000e+00"),
        (-2.0, "-2.0000"),
        (1e-5, "1.0000e-05"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_readable(value, text):
    from ranvier.training.progress import format_value

    assert format_value(value) == text
    assert format_value(-2.0, signed=False) == "-2.0000e+00"


def test_watched_values_are_compared_by_the_ops_of_keras():
    for mode, op in (("min", ranvier.ops.less), ("max", ranvier.ops.greater)):
        callback = ranvier.callbacks.EarlyStopping(monitor="mae", mode=mode)
        callback._set_monitor_op()
        assert callback.monitor_op is op
