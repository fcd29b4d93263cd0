"""Drawn boxes and masks by their pixels; galleries as files (these need matplotlib)."""

import numpy as np
import pytest

from ranvier import visualization

rng = np.random.default_rng(2)
X = rng.integers(0, 200, (3, 24, 32, 3)).astype("float32")
BOXES = {
    "boxes": np.array([[[4, 6, 20, 16], [0, 0, 3, 3]]] * 3, "float32"),
    "labels": np.array([[1, -1], [1, 2], [0, -1]]),
}
RED = (250, 0, 0)


def test_frames():
    out = visualization.draw_bounding_boxes(X, BOXES, "xyxy", color=RED, line_thickness=1)
    assert (out.dtype, out.shape) == ("uint8", X.shape)
    red = (out[0] == RED).all(-1)
    expected = np.zeros((24, 32), bool)
    expected[6:17, 4:21] = True
    expected[7:16, 5:20] = False
    np.testing.assert_array_equal(red, expected)
    np.testing.assert_array_equal(out[0][~red], X[0][~red].astype("uint8"))
    assert (out[1, 0, 0] == RED).all(), "the second box of the second image has a label"
    thick = visualization.draw_bounding_boxes(X, BOXES, "xyxy", color=RED, line_thickness=3)
    assert (thick[0, 5:8, 10] == RED).all()
    parts = {**BOXES, "boxes": BOXES["boxes"] / [32, 24, 32, 24]}
    same = visualization.draw_bounding_boxes(
        X.transpose(0, 3, 1, 2) / 255, parts, "rel_xyxy", color=RED, line_thickness=1,
        data_format="channels_first",
    )  # fmt: skip
    np.testing.assert_array_equal((same == RED).all(-1), (out == RED).all(-1))


def test_names():
    pytest.importorskip("PIL")
    big = np.zeros((1, 80, 120, 3), "uint8")
    boxes = {"boxes": [[[20, 50, 60, 70]]], "labels": [[3]], "confidences": [[0.5]]}
    plain = visualization.draw_bounding_boxes(big, boxes, "xyxy", color=RED)
    named = visualization.draw_bounding_boxes(big, boxes, "xyxy", {3: "cat"}, color=RED)
    changed = np.argwhere((plain != named).any(-1)[0])
    assert len(changed) > 20
    assert changed[:, 0].max() < 50, "above the box"


def test_masks():
    masks = np.zeros((3, 24, 32, 1), "int32")
    masks[:, :12], masks[:, 20:] = 1, -1
    colors = {0: (0, 0, 100), 1: (100, 0, 0)}
    out = visualization.draw_segmentation_masks(X, masks, 2, colors, alpha=0.5)
    np.testing.assert_array_equal(out[:, 20:], X[:, 20:].astype("uint8"))
    np.testing.assert_array_equal(out[:, :12], (X[:, :12] / 2 + [50, 0, 0]).astype("uint8"))
    np.testing.assert_array_equal(out[:, 12:20], (X[:, 12:20] / 2 + [0, 0, 50]).astype("uint8"))
    full = visualization.draw_segmentation_masks(X, masks, 2, colors, blend=False)
    np.testing.assert_array_equal(np.asarray(full)[0, 0, 0], colors[1])
    first = visualization.draw_segmentation_masks(
        X.transpose(0, 3, 1, 2), masks.transpose(0, 3, 1, 2), 2, colors, 0.5,
        data_format="channels_first",
    )  # fmt: skip
    np.testing.assert_array_equal(first, out)


def test_galleries(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    masks = rng.integers(0, 3, (3, 24, 32, 1))
    calls = {
        "images.png": lambda path: visualization.plot_image_gallery(
            X, y_true=[0, 1, 1], y_pred=[1, 1, 5], label_map={0: "ant", 1: "bee"}, path=path
        ),
        "boxes.png": lambda path: visualization.plot_bounding_box_gallery(
            X, "xyxy", y_true=BOXES, y_pred=BOXES, legend=True, path=path, rows=1, cols=3
        ),
        "masks.png": lambda path: visualization.plot_segmentation_mask_gallery(
            X, 3, y_true=masks, y_pred=masks, path=path, scale=1
        ),
    }
    for name, call in calls.items():
        call(tmp_path / name)
        pixels = plt.imread(tmp_path / name)
        assert pixels.ndim == 3
        assert pixels.std() > 0.05
    assert not plt.get_fignums()


@pytest.mark.parametrize("call, error, part", [
    (lambda: visualization.draw_bounding_boxes(X[0], BOXES, "xyxy"), ValueError, "4D"),
    (lambda: visualization.draw_bounding_boxes(X, [1], "xyxy"), TypeError, "dict"),
    (lambda: visualization.draw_bounding_boxes(X, {"boxes": 1}, "xyxy"), ValueError, "labels"),
    (lambda: visualization.draw_bounding_boxes(X, BOXES, "xxyy"), ValueError, "xxyy"),
    (lambda: visualization.draw_segmentation_masks(X, X[..., :1]), TypeError, "integer"),
])  # fmt: skip
def test_mistakes(call, error, part):
    with pytest.raises(error, match=part):
        call()
