"""Grids of images, shown or saved; these need matplotlib."""

from __future__ import annotations

import functools
import math

import numpy as np

from ranvier.visualization.drawing import (
    channels_last,
    draw_bounding_boxes,
    draw_segmentation_masks,
)


def _pyplot(user):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{user} needs matplotlib. Hint: pip install matplotlib") from error
    return plt


def _titles(index, label_map, **labels):
    parts = []
    for kind, values in labels.items():
        if values is not None and index < len(values):
            parts.append(f"{kind}: {label_map.get(values[index].item(), 'Unknown')}")
    return "  ".join(parts)


def plot_image_gallery(
    images,
    y_true=None,
    y_pred=None,
    label_map=None,
    rows=None,
    cols=None,
    value_range=(0, 255),
    scale=2,
    path=None,
    show=None,
    transparent=True,
    dpi=60,
    legend_handles=None,
    data_format=None,
):
    """Shows images in a grid, or saves the grid.

    Args:
        images: (batch, height, width, channels), or with channels first.
        y_true, y_pred: labels (batch,) for the titles.
        label_map: name per label; needed when there are labels.
        rows, cols: size of the grid; near a square when not given.
        value_range: bounds of the pixels.
        scale: inches of an image.
        path: file to save to; nothing is shown then.
        show: whether the grid is shown; it is when there is no path.
        transparent, dpi: of the file.
        legend_handles: handles of matplotlib for a legend.
        data_format: "channels_last" or "channels_first".

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: a path and `show`, labels without names, or images of another rank.

    Example:
        >>> import os
        >>> keras.visualization.plot_image_gallery(np.zeros((4, 8, 8, 3)), rows=2, path="grid.png")
        >>> os.path.exists("grid.png")
        True
    """
    plt = _pyplot("plot_image_gallery")
    if path is not None and show:
        raise ValueError("plot_gallery() expects either `path` to be set, or `show` to be true.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError(
            "If `y_true` or `y_pred` are provided, a `label_map` must also be provided."
        )
    pixels = channels_last(images, data_format).astype("float32")
    rows = rows or math.ceil(math.sqrt(len(pixels)))
    cols = cols or math.ceil(len(pixels) / rows)
    low, high = value_range
    pixels = np.clip((pixels - low) / (high - low) * 255, 0, 255).astype("uint8")
    figure, axes = plt.subplots(
        nrows=rows, ncols=cols, figsize=(cols * scale, rows * scale), frameon=False,
        layout="tight", squeeze=False, sharex="row", sharey="col",
    )  # fmt: skip
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    labels = {"Label": y_true, "Pred": y_pred}
    labels = {k: None if v is None else np.asarray(v) for k, v in labels.items()}
    for index, axis in enumerate(axes.reshape(-1)):
        axis.axis("off")
        if index >= len(pixels):
            continue
        axis.imshow(pixels[index], cmap="gray" if pixels.shape[-1] == 1 else None)
        axis.margins(x=0, y=0)
        title = _titles(index, label_map, **labels)
        if title:
            axis.set_title(title, fontsize=8)
    if path is not None:
        figure.savefig(
            fname=path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi
        )
    elif show or show is None:
        plt.show()
    plt.close(figure)


def plot_bounding_box_gallery(
    images,
    bounding_box_format,
    y_true=None,
    y_pred=None,
    value_range=(0, 255),
    true_color=(0, 188, 212),
    pred_color=(255, 235, 59),
    line_thickness=2,
    font_scale=1.0,
    text_thickness=None,
    class_mapping=None,
    ground_truth_mapping=None,
    prediction_mapping=None,
    legend=False,
    legend_handles=None,
    rows=None,
    cols=None,
    data_format=None,
    **kwargs,
):
    """Shows or saves images with their true and predicted boxes.

    Args:
        images: (batch, height, width, channels), or with channels first.
        bounding_box_format: form of the boxes.
        y_true, y_pred: dicts of boxes; see `draw_bounding_boxes`.
        value_range: bounds of the pixels.
        true_color, pred_color: red, green and blue in 0..255.
        line_thickness, font_scale, text_thickness: see `draw_bounding_boxes`.
        class_mapping: name per label; `ground_truth_mapping` and `prediction_mapping` take its
            place for one of the two.
        legend: whether a legend names the two colours.
        legend_handles: handles of matplotlib for a legend of your own.
        rows, cols, **kwargs: see `plot_image_gallery`.
        data_format: "channels_last" or "channels_first"; that of `keras.config` by default.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: both `legend` and `legend_handles`, or images of another rank.

    Example:
        >>> import os
        >>> boxes = {"boxes": np.array([[[1.0, 1.0, 6.0, 6.0]]]), "labels": np.array([[0]])}
        >>> keras.visualization.plot_bounding_box_gallery(
        ...     np.zeros((1, 8, 8, 3)), "xyxy", y_true=boxes, path="boxes.png"
        ... )
        >>> os.path.exists("boxes.png")
        True
    """
    _pyplot("plot_bounding_box_gallery")
    pixels = channels_last(images, data_format)
    draw = functools.partial(
        draw_bounding_boxes, bounding_box_format=bounding_box_format, font_scale=font_scale,
        line_thickness=line_thickness, text_thickness=text_thickness, data_format="channels_last",
    )  # fmt: skip
    for boxes, color, mapping in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if boxes is not None:
            pixels = draw(pixels, boxes, color=color, class_mapping=mapping)
    if legend:
        if legend_handles:
            raise ValueError(
                "Only pass `legend` OR `legend_handles` to "
                "`keras.visualization.plot_bounding_box_gallery()`."
            )
        from matplotlib import patches

        legend_handles = [
            patches.Patch(color=np.array(true_color) / 255.0, label="Ground Truth"),
            patches.Patch(color=np.array(pred_color) / 255.0, label="Prediction"),
        ]
    return plot_image_gallery(
        pixels, value_range=value_range, legend_handles=legend_handles, rows=rows, cols=cols,
        data_format="channels_last", **kwargs,
    )  # fmt: skip


def plot_segmentation_mask_gallery(
    images,
    num_classes,
    value_range=(0, 255),
    y_true=None,
    y_pred=None,
    color_mapping=None,
    blend=True,
    alpha=0.8,
    ignore_index=-1,
    data_format=None,
    **kwargs,
):
    """Shows or saves images beside their true and predicted masks, one row per image.

    Args:
        images: (batch, height, width, channels), or with channels first.
        num_classes: number of classes.
        value_range: bounds of the pixels.
        y_true, y_pred: masks (batch, height, width, 1), or with channels first.
        color_mapping, blend, alpha, ignore_index: see `draw_segmentation_masks`.
        data_format: "channels_last" or "channels_first".
        **kwargs: see `plot_image_gallery`.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: images of another rank.

    Example:
        >>> import os
        >>> masks = np.eye(4, dtype="int32").reshape(1, 4, 4, 1)
        >>> keras.visualization.plot_segmentation_mask_gallery(
        ...     np.zeros((1, 4, 4, 3)), num_classes=2, y_true=masks, path="masks.png"
        ... )
        >>> os.path.exists("masks.png")
        True
    """
    _pyplot("plot_segmentation_mask_gallery")
    pixels = channels_last(images, data_format)
    columns = [pixels]
    for masks in (y_true, y_pred):
        if masks is not None:
            masks = channels_last(masks, data_format).astype("int32")
            drawn = draw_segmentation_masks(
                pixels, masks, num_classes=num_classes, color_mapping=color_mapping, alpha=alpha,
                ignore_index=ignore_index, blend=blend, data_format="channels_last",
            )  # fmt: skip
            columns.append(np.asarray(drawn))
    grid = np.stack(columns, axis=1).reshape(-1, *pixels.shape[1:])
    return plot_image_gallery(
        grid, value_range=value_range, rows=len(pixels), cols=len(columns),
        data_format="channels_last", **kwargs,
    )  # fmt: skip
