"""Sequences of different lengths."""

from ranvier.utils import pad_sequences

__all__ = ["pad_sequences"]
