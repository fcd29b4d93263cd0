"""Boxes and masks painted into images; frames need NumPy only, labels need Pillow."""

from __future__ import annotations

import numpy as np

from ranvier import config, ops
from ranvier.utils.bounding_boxes import convert_format


def channels_last(images, data_format):
    """A batch of images as an array (batch, height, width, channels).

    Raises:
        ValueError: another rank.
    """
    shape = ops.shape(images)
    if len(shape) != 4:
        raise ValueError(f"`images` must be batched 4D tensor. Received: images.shape={shape}")
    images = ops.convert_to_numpy(images)
    if config.standardize_data_format(data_format) == "channels_first":
        images = images.transpose(0, 2, 3, 1)
    return images


def _as_bytes(images):
    """Pixels 0..255; floats up to 1 count as parts of 255."""
    if images.dtype.kind == "f" and images.size:
        images = np.clip(images, 0, 1) * 255 if images.max() <= 1 else np.clip(images, 0, 255)
    return np.array(images, dtype="uint8")


def _frame(image, left, top, right, bottom, color, thickness):
    """The outline of a rectangle, its lines centered on the edges."""
    height, width = image.shape[:2]
    before, after = (thickness - 1) // 2, thickness // 2
    rows, columns = np.arange(height), np.arange(width)

    def near(places, at):
        return (places >= at - before) & (places <= at + after)

    tall = (rows >= top - before) & (rows <= bottom + after)
    wide = (columns >= left - before) & (columns <= right + after)
    across = (near(rows, top) | near(rows, bottom))[:, None] & wide[None, :]
    down = tall[:, None] & (near(columns, left) | near(columns, right))[None, :]
    image[across | down] = np.asarray(color, "uint8")[: image.shape[2]]


def _text_place(x, y, font_scale, thickness):
    """Above the box, or inside of it where there is no room."""
    height = int(font_scale * 12)
    if y - 8 - 2 * height > 0:
        return x, y - 8 - height
    return x + 3, y + thickness + 3


def _write(image, text, place, color, font_scale):
    from ranvier.utils.image_files import pillow

    pillow("draw_bounding_boxes with class names")
    from PIL import Image, ImageDraw, ImageFont

    gray = image.shape[2] == 1
    canvas = Image.fromarray(image[:, :, 0] if gray else image)
    ink = int(np.mean(color)) if gray else tuple(int(c) for c in color)
    font = ImageFont.load_default(size=max(6, round(16 * font_scale)))
    ImageDraw.Draw(canvas).text(place, text, fill=ink, font=font)
    drawn = np.asarray(canvas)
    image[...] = drawn[:, :, None] if gray else drawn


def _check_boxes(bounding_boxes):
    if not isinstance(bounding_boxes, dict):
        raise TypeError(
            f"`bounding_boxes` should be a dict. Received: bounding_boxes={bounding_boxes} of type "
            f"{type(bounding_boxes)}"
        )
    if not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError(
            "`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. Received: "
            f"bounding_boxes={bounding_boxes}"
        )


def draw_bounding_boxes(
    images,
    bounding_boxes,
    bounding_box_format,
    class_mapping=None,
    color=(128, 128, 128),
    line_thickness=2,
    text_thickness=1,
    font_scale=1.0,
    data_format=None,
):
    """Images with frames around boxes and the names of their classes.

    Args:
        images: (batch, height, width, channels), or with channels first; floats in 0..1 or 0..255.
        bounding_boxes: a dict of "boxes" (batch, boxes, 4), "labels" (batch, boxes) and perhaps
            "confidences" (batch, boxes). Boxes of label -1 are not drawn.
        bounding_box_format: their form; see `utils.bounding_boxes.convert_format`.
        class_mapping: name per label; needs Pillow.
        color: red, green and blue in 0..255.
        line_thickness: of the frames, in pixels.
        text_thickness: distance of the names from the frames, in pixels.
        font_scale: size of the names.
        data_format: "channels_last" or "channels_first".

    Returns:
        uint8 array (batch, height, width, channels).

    Raises:
        ImportError: names are wanted and Pillow is not installed.
        TypeError, ValueError: images or boxes of another form.

    Example:
        >>> boxes = {"boxes": np.array([[[1.0, 1.0, 6.0, 6.0]]]), "labels": np.array([[0]])}
        >>> image = keras.visualization.draw_bounding_boxes(np.zeros((1, 8, 8, 3)), boxes, "xyxy")
        >>> image.shape, int(image.max())
        ((1, 8, 8, 3), 128)
    """
    shape = ops.shape(images)
    pixels = _as_bytes(channels_last(images, data_format))
    _check_boxes(bounding_boxes)
    height, width = pixels.shape[1:3]
    boxes = convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width)
    boxes = ops.convert_to_numpy(boxes).astype("int32")
    labels = ops.convert_to_numpy(bounding_boxes["labels"]).astype("int32")
    confidences = bounding_boxes.get("confidences")
    confidences = None if confidences is None else ops.convert_to_numpy(confidences)
    names = class_mapping or {}
    for i in range(shape[0]):
        for k, (box, label) in enumerate(zip(boxes[i], labels[i].reshape(-1))):
            if label == -1:
                continue
            _frame(pixels[i], *(int(v) for v in box), color, line_thickness)
            if int(label) in names:
                text = str(names[int(label)])
                if confidences is not None:
                    text = f"{text} | {confidences[i][k]:.2f}"
                place = _text_place(int(box[0]), int(box[1]), font_scale, text_thickness or 1)
                _write(pixels[i], text, place, color, font_scale)
    return pixels


def _palette(count):
    """A colour per class: multiples of three steps in the cube of colours."""
    steps = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
    return [(i * steps % 255).tolist() for i in range(count)]


def draw_segmentation_masks(
    images,
    segmentation_masks,
    num_classes=None,
    color_mapping=None,
    alpha=0.8,
    blend=True,
    ignore_index=-1,
    data_format=None,
):
    """Images with the pixels of each class in its colour.

    Args:
        images: (batch, height, width, channels), or with channels first, in 0..255.
        segmentation_masks: integers (batch, height, width, 1): the class of each pixel.
        num_classes: classes 0 to num_classes - 1 are drawn; the largest class when not given.
        color_mapping: red, green and blue per class; a palette when not given.
        alpha: share of the colour in a mixed pixel.
        blend: whether colours are mixed with the image.
        ignore_index: class of the pixels that stay.
        data_format: "channels_last" or "channels_first".

    Returns:
        uint8 array (batch, height, width, channels); without `blend` a float32 tensor.

    Raises:
        TypeError: masks that are no integers.
        ValueError: images of another rank.

    Example:
        >>> masks = np.eye(4, dtype="int32").reshape(1, 4, 4, 1)
        >>> colors = {0: (0, 0, 0), 1: (200, 0, 0)}
        >>> image = keras.visualization.draw_segmentation_masks(
        ...     np.zeros((1, 4, 4, 3)), masks, num_classes=2, color_mapping=colors, alpha=0.5
        ... )
        >>> image[0, 0, 0].tolist(), image[0, 0, 1].tolist()
        ([100, 0, 0], [0, 0, 0])
    """
    pixels = channels_last(images, data_format).astype("float32")
    masks = channels_last(segmentation_masks, data_format)
    if masks.dtype.kind not in "iu":
        raise TypeError(
            "`segmentation_masks` must be in integer dtype. Received: segmentation_masks.dtype="
            f"{masks.dtype}"
        )
    masks = masks[..., 0]
    count = int(masks.max()) if num_classes is None else num_classes
    colors = _palette(count) if color_mapping is None else [color_mapping[i] for i in range(count)]
    painted = pixels.copy()
    for number, color in enumerate(colors):
        painted[masks == number] = np.asarray(color, "float32")
    if not blend:
        return ops.convert_to_tensor(painted)
    mixed = pixels * np.float32(1 - alpha) + painted * np.float32(alpha)
    return np.where((masks != ignore_index)[..., None], mixed, pixels).astype("uint8")
