"""Names of earlier Keras versions."""

from ranvier.legacy import saving

__all__ = ["saving"]
