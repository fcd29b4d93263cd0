"""Bounding boxes: forms of the four numbers, and what happens to them when an image is changed.

Boxes are (..., 4). Inside of the layers they are "xyxy": left, top, right, bottom in pixels.
"""

from __future__ import annotations

import math

from ranvier import ops
from ranvier.ops._define import to_tensor

# Form -> order of (x, y) or (y, x), and what the numbers are.
_FORMS = {
    "xyxy": ("xy", "corners"),
    "yxyx": ("yx", "corners"),
    "xywh": ("xy", "corner and size"),
    "center_xywh": ("xy", "center and size"),
    "center_yxhw": ("yx", "center and size"),
    "rel_xyxy": ("xy", "corners"),
    "rel_yxyx": ("yx", "corners"),
    "rel_xywh": ("xy", "corner and size"),
    "rel_center_xywh": ("xy", "center and size"),
}
FORMATS = tuple(_FORMS)


def _columns(boxes):
    return ops.split(boxes, 4, axis=-1)


def _joined(*columns):
    return ops.concatenate(columns, axis=-1)


def _to_corners(boxes, form):
    order, kind = _FORMS[form]
    a, b, c, d = _columns(boxes)
    if kind == "corner and size":
        c, d = a + c, b + d
    elif kind == "center and size":
        half_c, half_d = c / 2.0, d / 2.0
        a, b, c, d = a - half_c, b - half_d, a + half_c, b + half_d
    return (a, b, c, d) if order == "xy" else (b, a, d, c)


def _from_corners(x1, y1, x2, y2, form):
    order, kind = _FORMS[form]
    a, b, c, d = (x1, y1, x2, y2) if order == "xy" else (y1, x1, y2, x2)
    if kind != "corners":
        c, d = c - a, d - b
    if kind == "center and size":
        a, b = a + c / 2.0, b + d / 2.0
    return _joined(a, b, c, d)


def _scaled(corners, height, width, operation):
    x1, y1, x2, y2 = corners
    return (operation(x1, width), operation(y1, height), operation(x2, width),
            operation(y2, height))  # fmt: skip


def _check_form(name, value):
    if value not in _FORMS:
        raise ValueError(
            f"Invalid source or target format. Supported formats: {FORMATS}. "
            f"Received: {name}={value!r}"
        )


def convert_format(boxes, source, target, height=None, width=None, dtype="float32"):
    """Boxes in another form.

    Args:
        boxes: (..., 4), or a dict with such a tensor under "boxes".
        source, target: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw" in pixels, or
            "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh" in parts of the image.
        height, width: size of the image, for conversions between pixels and parts.
        dtype: dtype of the result.

    Raises:
        ValueError: an unknown form, a size that is missing, or a last axis other than 4.

    Example:
        >>> boxes = [[10.0, 20.0, 30.0, 60.0]]
        >>> keras.utils.bounding_boxes.convert_format(boxes, "xyxy", "center_xywh").tolist()
        [[20.0, 40.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        inner = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": inner}
    boxes = ops.convert_to_tensor(boxes)
    if boxes.shape[-1] != 4:
        raise ValueError(
            "`boxes` must be a tensor with the last dimension of 4. Received: "
            f"boxes.shape={tuple(boxes.shape)}"
        )
    source, target = source.lower(), target.lower()
    _check_form("source", source)
    _check_form("target", target)
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` transforming between relative and "
            f"absolute formats. Received: source={source!r}, target={target!r}, height={height}, "
            f"width={width}"
        )
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    corners = _to_corners(boxes, source)
    if relative[0] != relative[1]:
        height, width = _number(height, dtype), _number(width, dtype)
        operation = ops.multiply if relative[0] else ops.divide
        corners = _scaled(corners, height, width, operation)
    return _from_corners(*corners, target)


def _number(value, dtype):
    return float(value) if isinstance(value, (int, float)) else ops.cast(value, dtype)


def clip_to_image_size(bounding_boxes, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes cut at the borders of the image; the label of one that vanishes becomes -1.

    Args:
        bounding_boxes: a dict of "boxes" (..., boxes, 4) and perhaps "labels" (..., boxes).
        height, width: size of the image, for "xyxy".
        bounding_box_format: "xyxy" or "rel_xyxy".

    Raises:
        NotImplementedError: another form. Hint: use `convert_format` first.
        ValueError: "xyxy" without the size.

    Example:
        >>> boxes = {"boxes": ops.array([[-2.0, 1.0, 5.0, 9.0]]), "labels": ops.array([1])}
        >>> clipped = keras.utils.bounding_boxes.clip_to_image_size(boxes, height=8, width=8)
        >>> clipped["boxes"].tolist()
        [[0.0, 1.0, 5.0, 8.0]]
    """
    if bounding_box_format not in ("xyxy", "rel_xyxy"):
        raise NotImplementedError(
            "clip_to_image_size: boxes must be 'xyxy' or 'rel_xyxy'. Hint: use convert_format. "
            f"Received: bounding_box_format={bounding_box_format!r}"
        )
    if bounding_box_format == "rel_xyxy":
        height, width = 1.0, 1.0
    elif height is None or width is None:
        raise ValueError("`height` and `width` must be set if `format='xyxy'`.")
    boxes = to_tensor(bounding_boxes["boxes"])
    height, width = (_number(v, boxes.dtype) for v in (height, width))
    x1, y1, x2, y2 = _columns(boxes)
    x1, x2 = _clip(x1, width), _clip(x2, width)
    y1, y2 = _clip(y1, height), _clip(y2, height)
    result = {**bounding_boxes, "boxes": _joined(x1, y1, x2, y2)}
    if bounding_boxes.get("labels") is not None:
        area = ops.squeeze((x2 - x1) * (y2 - y1), axis=-1)
        labels = bounding_boxes["labels"]
        result["labels"] = ops.where(ops.greater(area, 0), labels, -1)
    return result


def _clip(x, high, low=0):
    return ops.minimum(ops.maximum(x, low), high)


def _only_xyxy(name, bounding_box_format):
    if bounding_box_format != "xyxy":
        raise NotImplementedError(
            f"{name}: boxes must be 'xyxy'. Hint: use convert_format. "
            f"Received: bounding_box_format={bounding_box_format!r}"
        )


def crop(boxes, top, left, height, width, bounding_box_format="xyxy"):
    """Boxes (..., 4) in the coordinates of a window of the image, cut at its borders.

    Args:
        boxes: left, top, right, bottom in pixels.
        top, left: corner of the window.
        height, width: its size.
        bounding_box_format: "xyxy".

    Raises:
        NotImplementedError: another form than "xyxy".

    Example:
        >>> boxes = ops.array([[2.0, 2.0, 6.0, 6.0]])
        >>> keras.utils.bounding_boxes.crop(boxes, top=1, left=1, height=4, width=4).tolist()
        [[1.0, 1.0, 4.0, 4.0]]
    """
    _only_xyxy("crop", bounding_box_format)
    x1, y1, x2, y2 = _columns(to_tensor(boxes))
    return _joined(_clip(x1 - left, width), _clip(y1 - top, height), _clip(x2 - left, width),
                   _clip(y2 - top, height))  # fmt: skip


def pad(boxes, top, left, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes (..., 4) in the coordinates of an image with `top` rows and `left` columns before it.

    Args:
        boxes: (..., 4).
        top, left: pixels added before.
        height, width: of the new image, without effect.
        bounding_box_format: "xyxy".

    Raises:
        NotImplementedError: another form than "xyxy".

    Example:
        >>> boxes = ops.array([[2.0, 2.0, 6.0, 6.0]])
        >>> keras.utils.bounding_boxes.pad(boxes, top=1, left=3).tolist()
        [[5.0, 3.0, 9.0, 7.0]]
    """
    _only_xyxy("pad", bounding_box_format)
    x1, y1, x2, y2 = _columns(to_tensor(boxes))
    return _joined(x1 + left, y1 + top, x2 + left, y2 + top)


def affine_transform(
    boxes,
    angle,
    translate_x,
    translate_y,
    scale,
    shear_x,
    shear_y,
    height,
    width,
    center_x=None,
    center_y=None,
    bounding_box_format="xyxy",
):
    """The smallest upright boxes around boxes that are rotated, moved, scaled and sheared.

    Args:
        boxes: (batch, boxes, 4): left, top, right, bottom in pixels.
        angle, shear_x, shear_y: (batch,) in degrees.
        translate_x, translate_y: (batch,) in parts of `width - 1` and `height - 1`.
        scale: (batch,).
        height, width: size of the image.
        center_x, center_y: the fixed point, in the same parts; the middle when not given.
        bounding_box_format: "xyxy".

    Raises:
        NotImplementedError: another form than "xyxy".

    Example:
        >>> boxes = ops.array([[[0.0, 0.0, 4.0, 4.0]]])
        >>> one, zero = np.ones(1), np.zeros(1)
        >>> boxes = keras.utils.bounding_boxes.affine_transform(
        ...     boxes, zero, zero + 0.5, zero, one, zero, zero, height=8, width=8
        ... )
        >>> boxes.tolist()
        [[[3.5, 0.0, 7.5, 4.0]]]
    """
    _only_xyxy("affine_transform", bounding_box_format)
    a0, a1, a2, b0, b1, b2 = (
        ops.expand_dims(v, -1)
        for v in _inverse_map(
            0.5 if center_x is None else center_x, 0.5 if center_y is None else center_y,
            *(to_tensor(v) for v in (angle, translate_x, translate_y, scale, shear_x, shear_y)),
            height, width,
        )
    )  # fmt: skip
    boxes = ops.cast(boxes, a0.dtype)
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
    xs = ops.stack([a0 * x + a1 * y + a2 for x, y in corners], axis=-1)
    ys = ops.stack([b0 * x + b1 * y + b2 for x, y in corners], axis=-1)
    sides = (ops.amin(xs, -1), ops.amin(ys, -1), ops.amax(xs, -1), ops.amax(ys, -1))
    return ops.stack(sides, axis=-1)


def _inverse_map(center_x, center_y, angle, translate_x, translate_y, scale, shear_x, shear_y,
                 height, width):  # fmt: skip
    """Six numbers (batch,) that take input pixels to output pixels."""
    degree = math.pi / 180.0
    center_x, center_y = center_x * (width - 1), center_y * (height - 1)
    turn, slant_x, slant_y = -angle * degree, -shear_x * degree, -shear_y * degree
    moved_x = center_x - translate_x * (width - 1)
    moved_y = center_y - translate_y * (height - 1)
    upright = ops.cos(slant_y)
    a = ops.cos(turn - slant_y) / upright
    b = a * ops.tan(slant_x) + ops.sin(turn)
    c = -ops.sin(turn - slant_y) / upright
    d = ops.cos(turn) - c * ops.tan(slant_x)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    a2 = center_x - a0 * moved_x - a1 * moved_y
    b2 = center_y - b0 * moved_x - b1 * moved_y
    return a0, a1, a2, b0, b1, b2


def densify(bounding_boxes, fill_box=0, fill_label=-1):
    """Boxes and labels as tensors; lists of different lengths are filled up to the longest.

    Raises:
        ValueError: no dict of "boxes" and "labels", or ranks and lengths that do not fit.
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError(
            "Expected `bounding_boxes` argument to be a dict with keys 'boxes' and 'labels'. "
            f"Received: bounding_boxes={bounding_boxes}"
        )
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, (list, tuple)):
        boxes, labels = _filled(list(boxes), labels, fill_box, fill_label)
    boxes, labels = ops.convert_to_tensor(boxes, dtype="float32"), ops.convert_to_tensor(labels)
    ranks = {2: (1, 2), 3: (2, 3)}
    if len(boxes.shape) not in ranks:
        raise ValueError(
            "Expected `bounding_boxes['boxes']` to have rank 2 or 3, with shape (num_boxes, 4) or "
            f"(batch_size, num_boxes, 4). Received: boxes.shape={tuple(boxes.shape)}"
        )
    if len(labels.shape) not in ranks[len(boxes.shape)]:
        raise ValueError(
            f"Found bounding_boxes['boxes'].shape={tuple(boxes.shape)} and expected "
            f"bounding_boxes['labels'] to have rank {ranks[len(boxes.shape)]}. "
            f"Received: labels.shape={tuple(labels.shape)}"
        )
    return {**bounding_boxes, "boxes": boxes, "labels": labels}


def _filled(boxes, labels, fill_box, fill_label):
    if not isinstance(labels, (list, tuple)) or len(boxes) != len(labels):
        raise ValueError(
            "If `bounding_boxes['boxes']` is a list, then `bounding_boxes['labels']` must be a "
            f"list of the same length. Received: {len(boxes)} boxes and labels={labels}"
        )
    if not boxes or not isinstance(boxes[0][0], (list, tuple)):
        return boxes, list(labels)
    longest = max(len(b) for b in boxes)
    full = [[*b, *([[fill_box] * 4] * (longest - len(b)))] for b in boxes]
    names = [[*n, *([fill_label] * (longest - len(n)))] for n in labels]
    return full, names
