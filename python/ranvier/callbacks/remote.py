"""The callback that speaks to a web server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings

import numpy as np

from ranvier.callbacks.callback import Callback

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
