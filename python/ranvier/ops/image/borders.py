"""Borders of images: added, cut."""

from __future__ import annotations

from ranvier.ops._define import IMAGE, apply, op, to_tensor
from ranvier.ops.image._layout import check_rank, spatial_axes
from ranvier.python_numbers import whole
from ranvier.symbolic.probe import current_stand_in

_SIDES = (("top", "bottom", "height"), ("left", "right", "width"))


def _check(kind, values):
    """Two of {first, last, target} per axis, none below zero."""
    for first, last, size in _SIDES:
        names = (f"{first}_{kind}", f"{last}_{kind}", f"target_{size}")
        if [values[n] for n in names].count(None) != 1:
            shown = ", ".join(f"{n}={values[n]}" for n in names)
            raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: {shown}")
    for name, value in values.items():
        _check_not_negative(name, value)


def _check_not_negative(name, value):
    if value is not None:
        whole(name, value, 0)


def _amounts(kind, values, sizes, sign):
    """(first, last) per axis, the missing one computed: last = sign * (target - size) - first."""
    out = []
    for (first, last, size), n in zip(_SIDES, sizes):
        a, b = values[f"{first}_{kind}"], values[f"{last}_{kind}"]
        target = values[f"target_{size}"]
        if n == current_stand_in() and sign < 0 and target is None:
            raise ValueError(
                f"When the {size} of the images is unknown, `target_{size}` must be specified. "
                f"Received: target_{size}=None"
            )
        if n == current_stand_in() and target is not None:
            out.append((0, sign * (target - n)))  # any border that gives the target's size
            continue
        if target is not None:
            rest = sign * (target - n)
            a, b = (rest - b if a is None else a), (rest - a if b is None else b)
        _check_not_negative(f"{first}_{kind}", a)
        _check_not_negative(f"{last}_{kind}", b)
        out.append((a, b))
    return out


def _per_axis(images, kind, values, data_format, sign):
    x = to_tensor(images)
    check_rank(x.shape)
    _check(kind, values)
    axes = [a + len(x.shape) for a in spatial_axes(data_format)]
    amounts = _amounts(kind, values, [x.shape[a] for a in axes], sign)
    full = [(0, 0)] * len(x.shape)
    for axis, pair in zip(axes, amounts):
        full[axis] = pair
    return x, full


_PAD = ("top_padding", "left_padding", "bottom_padding", "right_padding", "target_height",
        "target_width", "data_format")  # fmt: skip
_CROP = tuple(name.replace("padding", "cropping") for name in _PAD)


@op(IMAGE, static=_PAD)
def pad_images(
    images,
    top_padding=None,
    left_padding=None,
    bottom_padding=None,
    right_padding=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Images with borders of zeros.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`.
        top_padding, bottom_padding, target_height: rows; exactly two of the three are given.
        left_padding, right_padding, target_width: columns; exactly two of the three.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: another number of arguments, or a border below zero.

    Example:
        >>> x = ops.ones((1, 4, 4, 3))
        >>> ops.image.pad_images(x, 1, 1, target_height=6, target_width=8).shape
        (1, 6, 8, 3)
    """
    values = {
        "top_padding": top_padding, "left_padding": left_padding,
        "bottom_padding": bottom_padding, "right_padding": right_padding,
        "target_height": target_height, "target_width": target_width,
    }  # fmt: skip
    x, full = _per_axis(images, "padding", values, data_format, 1)
    starts, sizes = [0] * len(full), [n + min(0, last) for n, (_, last) in zip(x.shape, full)]
    if sizes != list(x.shape):  # an unknown size, tried out larger than the target
        x = apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": [1] * len(starts)})
    return apply("pad", [x], {"padding": [max(0, n) for pair in full for n in pair]})


@op(IMAGE, static=_CROP)
def crop_images(
    images,
    top_cropping=None,
    left_cropping=None,
    bottom_cropping=None,
    right_cropping=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Images without their borders.

    Args:
        images: (batch, height, width, channels) or one image; see `data_format`.
        top_cropping, bottom_cropping, target_height: rows; exactly two of the three are given.
        left_cropping, right_cropping, target_width: columns; exactly two of the three.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: another number of arguments, or a window larger than the image.

    Example:
        >>> x = ops.ones((1, 4, 6, 3))
        >>> ops.image.crop_images(x, 1, 1, target_height=2, target_width=4).shape
        (1, 2, 4, 3)
    """
    values = {
        "top_cropping": top_cropping, "left_cropping": left_cropping,
        "bottom_cropping": bottom_cropping, "right_cropping": right_cropping,
        "target_height": target_height, "target_width": target_width,
    }  # fmt: skip
    x, full = _per_axis(images, "cropping", values, data_format, -1)
    starts = [int(first) for first, _ in full]
    sizes = [int(n - first - last) for n, (first, last) in zip(x.shape, full)]
    for axis, name in zip(spatial_axes(data_format), ("target_height", "target_width")):
        _check_not_negative(name, sizes[axis])
    return apply("slice", [x], {"starts": starts, "sizes": sizes, "strides": [1] * len(starts)})
