"""Formats of other runtimes: to come; the names say so."""

from __future__ import annotations


class ExportArchive:
    """Collects functions of a model for another runtime: to come.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, format="saved_model", **kwargs):
        raise NotImplementedError(
            f"keras.export.ExportArchive: the format {format!r} is to come. Hint: `model.save` "
            "writes a `.keras` file, which Keras itself reads and exports."
        )


__all__ = ["ExportArchive"]
