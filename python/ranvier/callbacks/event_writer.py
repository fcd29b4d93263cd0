"""Event files as TensorBoard reads them, written by tensorboardX."""

from __future__ import annotations

import numpy as np


def _tensorboardx():
    try:
        import tensorboardX
    except ImportError as error:
        raise ImportError(
            "TensorBoard needs tensorboardX to write its files. Hint: pip install tensorboardX"
        ) from error
    return tensorboardX


class EventWriter:
    """Writes what TensorBoard shows into a new file of a folder.

    Args:
        folder: made when it is not there.

    Raises:
        ImportError: tensorboardX is not installed.
    """

    def __init__(self, folder):
        self._writer = _tensorboardx().SummaryWriter(str(folder))

    def scalar(self, tag: str, value, step: int) -> None:
        """One point of a curve."""
        self._writer.add_scalar(tag, float(value), int(step))

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """How values are spread; those that are not finite are left out."""
        values = np.asarray(values, dtype="float64").ravel()
        values = values[np.isfinite(values)]
        if values.size:
            self._writer.add_histogram(tag, values, int(step))

    def image(self, tag: str, image: np.ndarray, step: int) -> None:
        """An image of floats in [0, 1]: (height, width, 1, 3 or 4)."""
        finite = np.nan_to_num(np.asarray(image, dtype="float64"))
        pixels = np.clip(finite * 255.0, 0, 255).astype("uint8")
        self._writer.add_image(tag, pixels, int(step), dataformats="HWC")

    def text(self, tag: str, plugin: str, text: str, step: int) -> None:
        """A string for one of TensorBoard's plugins."""
        from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboardX.proto.tensor_pb2 import TensorProto

        metadata = SummaryMetadata(
            plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=b"1")
        )
        tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()])
        value = Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
        self._writer.file_writer.add_summary(Summary(value=[value]), int(step))

    def flush(self) -> None:
        """Writes what is kept."""
        self._writer.flush()

    def close(self) -> None:
        """Writes what is kept; nothing more can be written."""
        self._writer.close()
