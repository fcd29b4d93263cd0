"""What all functions of images need: ranks, axes, layouts."""

from __future__ import annotations

from ranvier import config
from ranvier.ops._define import Tensor, apply, expand, reshape, to_tensor


def check_rank(shape, name: str = "images", ranks: tuple = (3, 4)) -> None:
    """Raises `ValueError` unless the shape is that of an image or a batch of images."""
    if len(shape) not in ranks:
        expected = (
            "rank 3 (single image) or rank 4 (batch of images)"
            if ranks == (3, 4)
            else " or ".join(f"rank {r}" for r in ranks)
        )
        raise ValueError(
            f"Invalid {name} rank: expected {expected}. Received input with shape: "
            f"{name}.shape={tuple(shape)}"
        )


def is_last(data_format) -> bool:
    """Whether the channels are the last axis."""
    return config.standardize_data_format(data_format) == "channels_last"


def spatial_axes(data_format) -> tuple[int, int]:
    """Axes of height and width, counted from the end."""
    return (-3, -2) if is_last(data_format) else (-2, -1)


def channel_axis(data_format) -> int:
    """The axis of channels, counted from the end."""
    return -1 if is_last(data_format) else -3


class Batch:
    """Images as (batch, height, width, channels), and the way back to how they came.

    Attributes:
        images: the tensor in that layout.
    """

    def __init__(self, images, data_format=None):
        x = to_tensor(images)
        check_rank(x.shape)
        self._single = len(x.shape) == 3
        self._last = is_last(data_format)
        if self._single:
            x = expand(x, 0)
        self.images: Tensor = x if self._last else _permute(x, [0, 2, 3, 1])

    def restore(self, x: Tensor) -> Tensor:
        """A result (batch, height, width, channels, ...) in the layout of the input."""
        if not self._last:
            rest = list(range(4, len(x.shape)))
            x = _permute(x, [0, 3, 1, 2, *rest])
        return reshape(x, x.shape[1:]) if self._single else x


def _permute(x, perm):
    return apply("transpose", [x], {"perm": perm})
