"""`keras.utils.bounding_boxes`: forms of bounding boxes, and what detectors compute with them."""

from __future__ import annotations

import math

from ranvier import config, ops
from ranvier.layers.preprocessing.image.boxes import (
    affine_transform,
    clip_to_image_size,
    convert_format,
    crop,
    pad,
)

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


def _image_size(image_shape):
    if image_shape is None:
        return None, None
    height, width, _ = image_shape
    return height, width


def _check_rank(name, boxes):
    rank = len(ops.shape(boxes))
    if rank not in (2, 3):
        raise ValueError(
            f"compute_iou() expects {name} to be batched, or to be unbatched. Expected rank 2 or "
            f"3. Received: len({name}.shape)={rank}"
        )


def _check_relative(bounding_box_format, image_shape):
    if "rel" in bounding_box_format and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument "
            f"must be provided. Received `image_shape`: {image_shape}"
        )


def compute_iou(
    boxes1, boxes2, bounding_box_format, use_masking=False, mask_val=-1, image_shape=None
):
    """Intersection over union of every box of one list with every box of another.

    Args:
        boxes1: (n, 4) or (batch, n, 4).
        boxes2: (m, 4) or (batch, m, 4).
        bounding_box_format: their form; see `convert_format`.
        use_masking: whether pairs with a box of negative numbers (a filler) get `mask_val`.
        mask_val: the value of such pairs.
        image_shape: (height, width, channels), for relative forms.

    Returns:
        (n, m) or (batch, n, m).

    Raises:
        ValueError: another rank, or a relative form without `image_shape`.

    Example:
        >>> boxes = [[1, 0, 2, 2], [4, 4, 5, 5]]
        >>> keras.utils.bounding_boxes.compute_iou([[0, 0, 2, 2]], boxes, "xyxy").tolist()
        [[0.5, 0.0]]
    """
    _check_rank("boxes1", boxes1)
    _check_rank("boxes2", boxes2)
    _check_relative(bounding_box_format, image_shape)
    size = _image_size(image_shape)
    boxes1, boxes2 = (
        convert_format(b, bounding_box_format, "yxyx", *size) for b in (boxes1, boxes2)
    )
    one = ops.expand_dims(boxes1, -2)
    two = ops.expand_dims(boxes2, -3)
    low = ops.maximum(one[..., :2], two[..., :2])
    high = ops.minimum(one[..., 2:], two[..., 2:])
    overlap = ops.prod(ops.maximum(high - low, 0.0), axis=-1)
    area1, area2 = (ops.prod(b[..., 2:] - b[..., :2], axis=-1) for b in (one, two))
    result = overlap / (area1 + area2 - overlap + config.epsilon())
    if not use_masking:
        return result
    filler = [ops.less(ops.max(b, axis=-1), 0.0) for b in (boxes1, boxes2)]
    masked = ops.logical_or(ops.expand_dims(filler[0], -1), ops.expand_dims(filler[1], -2))
    return ops.where(masked, ops.cast(mask_val, result.dtype), result)


def compute_ciou(boxes1, boxes2, bounding_box_format, image_shape=None):
    """Complete intersection over union of pairs of boxes: overlap, distance and proportions.

    Zheng et al., "Distance-IoU loss: faster and better learning for bounding box regression"
    (2020).

    Args:
        boxes1, boxes2: (..., 4), box by box.
        bounding_box_format: their form; not a relative one.
        image_shape: (height, width, channels).

    Returns:
        (...,): 1 for equal boxes.

    Raises:
        ValueError: a relative form.

    Example:
        >>> boxes = ops.array([[0.0, 0.0, 4.0, 4.0]])
        >>> round(float(keras.utils.bounding_boxes.compute_ciou(boxes, boxes, "xyxy")[0]), 4)
        1.0
    """
    if "rel" in bounding_box_format:
        raise ValueError(
            "compute_ciou: boxes must be in pixels, since their proportions count. Hint: use "
            f"convert_format. Received: bounding_box_format={bounding_box_format!r}"
        )
    epsilon, size = config.epsilon(), _image_size(image_shape)
    b1, b2 = (convert_format(b, bounding_box_format, "xyxy", *size) for b in (boxes1, boxes2))
    left1, top1, right1, bottom1 = (b1[..., i] for i in range(4))
    left2, top2, right2, bottom2 = (b2[..., i] for i in range(4))
    width1, height1 = right1 - left1, bottom1 - top1 + epsilon
    width2, height2 = right2 - left2, bottom2 - top2 + epsilon
    overlap = ops.maximum(ops.minimum(right1, right2) - ops.maximum(left1, left2), 0) * ops.maximum(
        ops.minimum(bottom1, bottom2) - ops.maximum(top1, top2), 0
    )
    union = width1 * height1 + width2 * height2 - overlap + epsilon
    iou = overlap / (union + epsilon)
    hull_width = ops.maximum(right1, right2) - ops.minimum(left1, left2)
    hull_height = ops.maximum(bottom1, bottom2) - ops.minimum(top1, top2)
    diagonal = hull_width * hull_width + hull_height * hull_height + epsilon
    dx, dy = (left1 + right1 - left2 - right2) / 2, (top1 + bottom1 - top2 - bottom2) / 2
    distance = dx * dx + dy * dy
    slant = ops.arctan(width2 / height2) - ops.arctan(width1 / height1)
    v = 4 / math.pi**2 * slant * slant
    alpha = v / (v - iou + (1 + epsilon))
    return iou - (distance / diagonal + v * alpha)


def _check_encoding(name, encoding, variance):
    if variance is not None:
        variance = ops.convert_to_tensor(variance, "float32")
        if variance.shape[-1] != 4:
            raise ValueError(f"`variance` must be length 4. Received: variance={variance}")
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"`{name}` should be one of 'center_xywh' or 'center_yxhw'. Received: {encoding!r}"
        )
    return variance


def encode_box_to_deltas(
    anchors,
    boxes,
    anchor_format,
    box_format,
    encoding_format="center_yxhw",
    variance=None,
    image_shape=None,
):
    """Boxes relative to anchors: offsets of centers in anchor sizes, logarithms of size ratios.

    Args:
        anchors, boxes: (..., 4), box by box.
        anchor_format, box_format: their forms; see `convert_format`.
        encoding_format: "center_yxhw" or "center_xywh": the order of the result.
        variance: four numbers that the result is divided by.
        image_shape: (height, width, channels), for relative forms.

    Raises:
        ValueError: another encoding or number of variances.

    Example:
        >>> anchors, boxes = ops.array([[0.0, 0.0, 4.0, 4.0]]), ops.array([[1.0, 2.0, 5.0, 6.0]])
        >>> keras.utils.bounding_boxes.encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy").tolist()
        [[0.5, 0.25, 0.0, 0.0]]
    """
    variance = _check_encoding("encoding_format", encoding_format, variance)
    size = _image_size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, *size)
    boxes = convert_format(boxes, box_format, encoding_format, *size)
    extent, own = (ops.maximum(b[..., 2:], config.epsilon()) for b in (anchors, boxes))
    moves = (boxes[..., :2] - anchors[..., :2]) / extent
    deltas = ops.concatenate([moves, ops.log(own / extent)], axis=-1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors,
    boxes_delta,
    anchor_format,
    box_format,
    encoded_format="center_yxhw",
    variance=None,
    image_shape=None,
):
    """Boxes from anchors and deltas: the inverse of `encode_box_to_deltas`.

    Args:
        anchors, boxes_delta: (..., 4), or dicts of such tensors per level.
        anchor_format, box_format: forms of the anchors and of the result.
        encoded_format: "center_yxhw" or "center_xywh": the order of the deltas.
        variance: four numbers that the deltas were divided by.
        image_shape: (height, width, channels), for relative forms.

    Raises:
        ValueError: another encoding or number of variances.

    Example:
        >>> anchors, deltas = ops.array([[0.0, 0.0, 4.0, 4.0]]), ops.array([[0.5, 0.25, 0.0, 0.0]])
        >>> decode = keras.utils.bounding_boxes.decode_deltas_to_boxes
        >>> decode(anchors, deltas, "xyxy", "xyxy").tolist()
        [[1.0, 2.0, 5.0, 6.0]]
    """
    variance = _check_encoding("encoded_format", encoded_format, variance)
    size = _image_size(image_shape)

    def decode(anchor, delta):
        anchor = convert_format(anchor, anchor_format, encoded_format, *size)
        delta = ops.convert_to_tensor(delta)
        delta = delta if variance is None else delta * variance
        extent = anchor[..., 2:]
        center = delta[..., :2] * extent + anchor[..., :2]
        box = ops.concatenate([center, ops.exp(delta[..., 2:]) * extent], axis=-1)
        return convert_format(box, encoded_format, box_format, *size)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decode(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decode(anchors, boxes_delta)
