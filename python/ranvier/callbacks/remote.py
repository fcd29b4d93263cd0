"""Callbacks that speak to other programs: a web server, and Orbax."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings

import numpy as np

from ranvier.callbacks.callback import Callback
from ranvier.callbacks.monitor import MonitorCallback

_TIMEOUT_SECONDS = 10.0


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a web server; a server that does not answer is a warning.

    Args:
        root: address of the server, `http://` or `https://`.
        path: where on it.
        field: name of the form's field that holds the JSON text of the logs and "epoch".
        headers: further headers of the request.
        send_as_json: whether the body is the JSON itself instead of a form.

    Raises:
        ValueError: an address of another kind.

    Example:
        >>> monitor = keras.callbacks.RemoteMonitor(root="http://localhost:9000", send_as_json=True)
        >>> monitor.root, monitor.path
        ('http://localhost:9000', '/publish/epoch/end/')
    """

    def __init__(
        self,
        root="http://localhost:9000",
        path="/publish/epoch/end/",
        field="data",
        headers=None,
        send_as_json=False,
    ):
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json
        if not (root + path).startswith(("http://", "https://")):
            raise ValueError(
                "RemoteMonitor needs an address that begins with http:// or https://. "
                f"Received: root={root!r}"
            )

    def on_epoch_end(self, epoch, logs=None):
        sent = {"epoch": epoch}
        for name, value in (logs or {}).items():
            sent[name] = np.asarray(value).tolist() if hasattr(value, "dtype") else value
        text = json.dumps(sent)
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        kind = "json" if self.send_as_json else "x-www-form-urlencoded"
        headers = {"Content-Type": f"application/{kind}", **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()
        except urllib.error.HTTPError as error:  # The server was reached; Keras is silent too.
            error.close()
        except OSError:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)


class OrbaxCheckpoint(MonitorCallback):
    """Keras' checkpoints through Orbax, a library for JAX arrays, which this package does not use.

    Raises:
        ImportError: always; `ModelCheckpoint` and `BackupAndRestore` do the same work.
    """

    def __init__(
        self,
        directory,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
        max_to_keep=1,
        save_on_background=True,
        save_weights_only=False,
    ):
        raise ImportError(
            "OrbaxCheckpoint stores JAX arrays through the library Orbax, which Ranvier does not "
            "use. Hint: ModelCheckpoint saves the model and its optimizer, BackupAndRestore "
            f"resumes training. Received: directory={directory!r}"
        )
