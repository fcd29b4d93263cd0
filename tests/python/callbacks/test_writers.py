"""Callbacks that write for others: event files, posts to a server, averages in the model."""

import glob
import http.server
import io
import json
import struct
import threading
import urllib.parse

import numpy as np
import pytest

import ranvier as keras
from ranvier import callbacks, layers


def _data(rows=40):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    return x, x.sum(1, keepdims=True)


def _model(optimizer=None):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def _fit(*given, model=None, epochs=2, **kwargs):
    x, y = _data()
    model = model or _model()
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(given), **kwargs)
    return model


def _events(folder):
    """(tag, step, value) of each record of a folder; what is not a scalar is its message."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(glob.glob(f"{folder}/events.out.tfevents.*")):
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at < len(data):  # length, its checksum, the event, its checksum
            (size,) = struct.unpack("<Q", data[at : at + 8])
            event = Event.FromString(data[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                plain = value.WhichOneof("value") == "simple_value"
                found.append((value.tag, event.step, value.simple_value if plain else value))
    return found


def test_curves(tmp_path):
    pytest.importorskip("tensorboardX")
    x, y = _data()
    logger = callbacks.TensorBoard(tmp_path, write_steps_per_second=True)
    model = _model()
    history = model.fit(
        x, y, batch_size=8, epochs=2, verbose=0, callbacks=[logger], validation_data=(x, y)
    ).history
    train = {(tag, step): value for tag, step, value in _events(tmp_path / "train")}
    held = {(tag, step): value for tag, step, value in _events(tmp_path / "validation")}
    for epoch in (0, 1):
        for name in ("loss", "mae"):
            assert train[f"epoch_{name}", epoch] == np.float32(history[name][epoch])
            assert held[f"epoch_{name}", epoch] == np.float32(history[f"val_{name}"][epoch])
        assert train["epoch_learning_rate", epoch] == np.float32(0.01)
        assert train["epoch_steps_per_second", epoch] > 0
    assert held["evaluation_loss_vs_iterations", 10] == held["epoch_loss", 1]
    (described,) = train["keras", 0].tensor.string_val
    assert json.loads(described)["class_name"] == "Sequential"


def test_batches_of_a_validation_are_not_written(tmp_path):
    pytest.importorskip("tensorboardX")
    _fit(callbacks.TensorBoard(tmp_path, update_freq=1), validation_data=_data())
    assert any(tag == "batch_loss" for tag, _, _ in _events(tmp_path / "train"))
    assert not any(tag.startswith("batch_") for tag, _, _ in _events(tmp_path / "validation"))


def test_batches_weights_and_images(tmp_path):
    pytest.importorskip("tensorboardX")
    image = pytest.importorskip("PIL.Image")
    logger = callbacks.TensorBoard(
        tmp_path, histogram_freq=2, write_images=True, update_freq=2, write_graph=False
    )
    model = _fit(logger)
    events = _events(tmp_path / "train")
    assert [step for tag, step, _ in events if tag == "batch_loss"] == [2, 4, 6, 8, 10]
    parts = {tag: value for tag, step, value in events if not isinstance(value, float)}
    kernel = f"{model.layers[0].path}/kernel"
    histogram = parts[f"{kernel}/histogram"].histo
    assert histogram.num == 12 == sum(histogram.bucket)  # weights
    picture = image.open(io.BytesIO(parts[f"{kernel}/image"].image.encoded_image_string))
    assert picture.size == (4, 3)


def test_plain_curves_need_no_batch_hooks(tmp_path):
    assert not callbacks.TensorBoard(tmp_path).uses_batches("train")
    assert callbacks.TensorBoard(tmp_path, update_freq="batch").uses_batches("test")


def test_embeddings(tmp_path):
    pytest.importorskip("h5py")
    pytest.importorskip("tensorboardX")
    model = keras.Sequential([keras.Input((2,)), layers.Embedding(5, 3, name="words")])
    model.compile("sgd", "mse")
    ids = np.zeros((4, 2), "int32")
    wrong = callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"text": "a"})
    with pytest.raises(ValueError, match="text"):
        model.fit(ids, np.zeros((4, 2, 3)), verbose=0, callbacks=[wrong])
    logger = callbacks.TensorBoard(
        tmp_path, embeddings_freq=1, embeddings_metadata={"words": "words.tsv"}
    )
    model.fit(ids, np.zeros((4, 2, 3)), verbose=0, callbacks=[logger])
    assert 'metadata_path: "words.tsv"' in (tmp_path / "projector_config.pbtxt").read_text()
    assert (tmp_path / "train" / "keras_embedding.ckpt-0.weights.h5").exists()


def test_profiling_is_refused_aloud(tmp_path):
    with pytest.warns(UserWarning, match="ranvier.profile"):
        callbacks.TensorBoard(tmp_path, profile_batch="2,4")


class _Server(http.server.BaseHTTPRequestHandler):
    received: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.received.append((self.path, dict(self.headers), body))
        self.send_response(404 if "missing" in self.path else 200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    _Server.received = []
    web = http.server.HTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()
    thread.join()


def test_remote_monitor(server):
    headers = {"X-Run": "7"}
    _fit(
        callbacks.RemoteMonitor(server, path="/a/", field="logs"),
        callbacks.RemoteMonitor(server, path="/missing/", headers=headers, send_as_json=True),
        epochs=1,
    )
    (path, _, form), (other, sent_headers, text) = _Server.received
    assert (path, other) == ("/a/", "/missing/") and sent_headers["X-Run"] == "7"
    assert sent_headers["Content-Type"] == "application/json"
    logs = json.loads(urllib.parse.parse_qs(form)["logs"][0])
    assert logs == json.loads(text)
    assert logs["epoch"] == 0 and set(logs) == {"epoch", "loss", "mae"}


def test_remote_monitor_without_a_server():
    # Port 9 discards; nothing listens there on the loopback device of a test machine.
    with pytest.warns(UserWarning, match="Could not reach"):
        _fit(callbacks.RemoteMonitor("http://127.0.0.1:9"), epochs=1)
    with pytest.raises(ValueError, match="http://"):
        callbacks.RemoteMonitor("file:///etc")


def test_averages_are_judged_and_weights_come_back():
    x, y = _data()
    optimizer = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9)
    model = _model(optimizer)
    model.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[Stop()])
    weights = model.get_weights()
    averages = [np.array(v) for v in optimizer._model_variables_moving_average]
    swap = callbacks.SwapEMAWeights()
    judged = model.evaluate(x, y, verbose=0, callbacks=[swap])
    predicted = model.predict(x, verbose=0, callbacks=[swap])
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.set_weights(averages)
    assert judged == model.evaluate(x, y, verbose=0)
    np.testing.assert_array_equal(predicted, model.predict(x, verbose=0))


class Stop(callbacks.Callback):
    """Keeps `fit` from writing the averages into the weights at its end."""

    def on_train_begin(self, logs=None):
        self.model.optimizer.finalize_variable_values = lambda variables: None

    def on_train_end(self, logs=None):
        del self.model.optimizer.__dict__["finalize_variable_values"]


class Seen(callbacks.Callback):
    """The weights at the end of each epoch and at the begin of the next one."""

    def __init__(self):
        super().__init__()
        self.ends, self.begins = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.begins.append(self.model.get_weights()[0])

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(self.model.get_weights()[0])


def test_averages_at_the_end_of_epochs():
    def optimizer():
        return keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9)

    plain, swapped = Seen(), Seen()
    _fit(plain, model=_model(optimizer()), epochs=3)
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    model = _fit(swap, swapped, model=_model(optimizer()), epochs=3)
    for a, b in zip(plain.begins, swapped.begins, strict=True):
        np.testing.assert_array_equal(a, b)
    assert all((a != b).any() for a, b in zip(plain.ends, swapped.ends, strict=True))
    np.testing.assert_array_equal(swapped.ends[-1], model.get_weights()[0])


def test_averages_need_an_optimizer_that_keeps_them():
    x, y = _data()
    with pytest.raises(ValueError, match="use_ema=True"):
        _model().evaluate(x, y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])


@pytest.mark.parametrize("wrong", ["a", callbacks.EarlyStopping, 3])
def test_what_is_no_callback(wrong):
    with pytest.raises(TypeError, match="must be instances of `Callback`"):
        _fit(wrong)
