"""`TensorBoard`: curves, weights and the model's graph in files that TensorBoard shows."""

from __future__ import annotations

import os
import time
import warnings

import numpy as np

from ranvier.callbacks.callback import Callback, learning_rates
from ranvier.callbacks.event_writer import EventWriter
from ranvier.layers import Embedding


class TensorBoard(Callback):
    """Writes event files for TensorBoard (`tensorboard --logdir=logs`), through tensorboardX.

    Training goes to the folder "train" of `log_dir`, validation to "validation".

    Args:
        log_dir: the folder.
        histogram_freq: epochs between two histograms of all weights; 0 for none.
        write_graph: whether the layers of functional and sequential models are written.
        write_images: whether weights are written as images, along with the histograms.
        write_steps_per_second: whether the number of batches a second is written.
        update_freq: "epoch", "batch", or a number of batches between two points of batch curves.
        profile_batch: 0. Other values are refused with a warning; see `ranvier.profile`.
        embeddings_freq: epochs between two files with the weights of embeddings; 0 for none.
        embeddings_metadata: file with the labels of embeddings, or dict of them by layer name.

    Raises:
        ValueError: `embeddings_metadata` names a layer that is not there.
        ImportError: tensorboardX is not installed (`pip install tensorboardX`).

    Example:
        >>> import os
        >>> model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> board = keras.callbacks.TensorBoard("logs")
        >>> history = model.fit(np.ones((4, 2)), np.ones(4), callbacks=[board], verbose=0)
        >>> sorted(os.listdir("logs"))
        ['train']
    """

    def __init__(
        self,
        log_dir="logs",
        histogram_freq=0,
        write_graph=True,
        write_images=False,
        write_steps_per_second=False,
        update_freq="epoch",
        profile_batch=0,
        embeddings_freq=0,
        embeddings_metadata=None,
    ):
        super().__init__()
        self.log_dir = str(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        if profile_batch not in (0, (0, 0), [0, 0], "0"):
            warnings.warn(
                "TensorBoard: batches are not profiled in its format. Hint: "
                f"`ranvier.profile(model, x, y)`. Received: profile_batch={profile_batch}",
                stacklevel=2,
            )
        self._train_dir = os.path.join(self.log_dir, "train")
        self._val_dir = os.path.join(self.log_dir, "validation")
        self._files: dict[str, EventWriter] = {}
        self._global_train_batch = 0
        self._in_fit = False

    def uses_batches(self, mode):
        if mode == "predict":
            return False
        return self.update_freq != "epoch" or (mode == "train" and self.write_steps_per_second)

    def _file(self, folder) -> EventWriter:
        if folder not in self._files:
            self._files[folder] = EventWriter(folder)
        return self._files[folder]

    def set_model(self, model):
        super().set_model(model)
        self._close()
        if self.write_graph and type(model).__name__ in ("Functional", "Sequential"):
            try:
                described = model.to_json()
            except (ValueError, TypeError, NotImplementedError) as error:
                warnings.warn(f"TensorBoard: the model has no JSON form: {error}", stacklevel=2)
            else:
                self._file(self._train_dir).text("keras", "graph_keras_model", described, 0)
        if self.embeddings_freq:
            self._configure_embeddings()
        self._flush()

    def _configure_embeddings(self):
        """The list of embeddings for TensorBoard's projector."""
        metadata = self.embeddings_metadata
        own = dict(metadata) if isinstance(metadata, dict) else {}
        lines = []
        for layer in self.model.layers:
            if isinstance(layer, Embedding):
                lines.append("embeddings {")
                lines.append(f'  tensor_name: "{layer.embeddings.path}"')
                path = metadata if isinstance(metadata, str) else own.pop(layer.name, None)
                if path is not None:
                    lines.append(f'  metadata_path: "{path}"')
                lines.append("}")
        if own:
            raise ValueError(
                "Unrecognized `Embedding` layer names passed to `TensorBoard` "
                f"`embeddings_metadata` argument: {sorted(own)}"
            )
        os.makedirs(self.log_dir, exist_ok=True)
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w") as file:
            file.write("\n".join(lines) + "\n")

    def _flush(self):
        for file in self._files.values():
            file.flush()

    def _close(self):
        for file in self._files.values():
            file.close()
        self._files = {}

    def on_train_begin(self, logs=None):
        self._global_train_batch = 0
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False
        self._close()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = time.perf_counter()
        self._epoch_first = self._iterations()

    def _iterations(self) -> int:
        return int(np.asarray(self.model.optimizer.iterations))

    def _due(self, batch) -> bool:
        return self.update_freq != "epoch" and batch % self.update_freq == 0

    def on_train_batch_begin(self, batch, logs=None):
        self._global_train_batch += 1
        self._batch_start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if not self._due(self._global_train_batch):
            return
        file = self._file(self._train_dir)
        if self.write_steps_per_second:
            rate = 1.0 / (time.perf_counter() - self._batch_start)
            file.scalar("batch_steps_per_second", rate, self._global_train_batch)
        self._scalars(file, "batch_", logs, self._global_train_batch)

    def on_test_end(self, logs=None):
        if self.model.optimizer is not None:
            file, step = self._file(self._val_dir), self._iterations()
            for name, value in (logs or {}).items():
                if np.ndim(value) == 0:
                    file.scalar(f"evaluation_{name}_vs_iterations", value, step)
        if not self._in_fit:
            self._close()

    @staticmethod
    def _scalars(file, prefix, logs, step):
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                file.scalar(prefix + name, value, step)

    def _learning_rates(self) -> dict:
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        return {} if optimizer is None else learning_rates(optimizer)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if logs:
            train = {name: value for name, value in logs.items() if not name.startswith("val_")}
            held = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
            train.update(self._learning_rates())
            if self.write_steps_per_second:
                seconds = time.perf_counter() - self._epoch_start
                train["steps_per_second"] = (self._iterations() - self._epoch_first) / seconds
            self._scalars(self._file(self._train_dir), "epoch_", train, epoch)
            if held:
                self._scalars(self._file(self._val_dir), "epoch_", held, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            name = f"keras_embedding.ckpt-{epoch}.weights.h5"
            os.makedirs(self._train_dir, exist_ok=True)
            self.model.save_weights(os.path.join(self._train_dir, name))
        self._flush()

    def _write_weights(self, epoch):
        file = self._file(self._train_dir)
        for layer in self.model.layers:
            for weight in layer.weights:
                name, values = weight.path.replace(":", "_"), np.asarray(weight)
                file.histogram(f"{name}/histogram", values, epoch)
                image = _as_image(values) if self.write_images else None
                if image is not None:
                    file.image(f"{name}/image", image, epoch)


def _as_image(values: np.ndarray) -> np.ndarray | None:
    """A weight as an image, wide rather than high; `None` where it has no such form."""
    values = np.squeeze(values)
    if values.ndim == 1:
        return values[:, None, None]
    if values.ndim == 2:
        return (values.T if values.shape[0] > values.shape[1] else values)[..., None]
    if values.ndim == 3:
        return np.moveaxis(values, 2, 0)[0][..., None]
    return values[0] if values.ndim == 4 and values.shape[-1] in (1, 3, 4) else None
