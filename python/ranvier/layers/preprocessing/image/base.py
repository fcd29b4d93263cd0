"""The protocol of layers that change images together with their labels, boxes and masks."""

from __future__ import annotations

from ranvier import ops, random
from ranvier.config import standardize_data_format
from ranvier.layers.layer import Layer
from ranvier.layers.preprocessing.image.boxes import densify
from ranvier.random import SeedGenerator


class _Functions:
    """`layer.backend`: the functions that subclasses compute with, as Keras names their homes."""

    random = random
    nn = numpy = core = ops

    def __getattr__(self, name):
        return getattr(ops, name)


class BaseImagePreprocessingLayer(Layer):
    """Images, or dicts of "images", "labels", "bounding_boxes" and "segmentation_masks".

    A call draws one transformation (`get_random_transformation`) and hands it to a method per kind
    of data: `transform_images`, `transform_labels`, `transform_bounding_boxes`,
    `transform_segmentation_masks`. These take batches; single images, without the batch axis, go
    through the `transform_single_…` methods. Subclasses define what they need of these.

    Args:
        factor: strength, a number or two, where the layer has one.
        bounding_box_format: the form of the boxes; needed when there are any.
        data_format: "channels_last" or "channels_first".
    """

    _USE_BASE_FACTOR = True
    _FACTOR_BOUNDS: tuple = (-1, 1)
    backend = _Functions()
    # Constructor arguments that are attributes of the same name.
    _CONFIG: tuple[str, ...] = ()

    def __init__(self, factor=None, bounding_box_format=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._allow_non_tensor_positional_args = self._takes_lists = True
        self.bounding_box_format = bounding_box_format
        self.data_format = standardize_data_format(data_format)
        if self._USE_BASE_FACTOR:
            self._set_factor(factor or 0.0)
        elif factor is not None:
            raise ValueError(
                f"Layer {type(self).__name__} does not take a `factor` argument. Received: "
                f"factor={factor}"
            )

    # -- arguments

    def _set_factor(self, factor):
        self.factor = self._range_of(factor, "factor")

    def _range_of(self, value, name):
        """(low, high) of a number or two: a number f stands for [max(-f, lower bound), f]."""
        low, high = self._FACTOR_BOUNDS
        problem = (
            f"The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"[{low}, {high}]. Received: {name}={value}"
        )
        if isinstance(value, (tuple, list)):
            if len(value) != 2 or value[0] > high or value[1] < low:
                raise ValueError(problem)
            return tuple(sorted(value))
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(problem)
        return max(-abs(value), low), abs(value)

    def _set_seed(self, seed):
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _set_value_range(self, value_range):
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise ValueError(
                "The `value_range` argument should be a list of two numbers. Received: "
                f"value_range={value_range}"
            )
        self.value_range = sorted(value_range)

    # -- what a transformation is drawn from

    @property
    def _spatial_axes(self):
        return (-2, -1) if self.data_format == "channels_first" else (-3, -2)

    @property
    def _channel_axis(self):
        return -3 if self.data_format == "channels_first" else -1

    def _shape_of(self, data):
        """Shape of the images in the data."""
        shape = tuple((data["images"] if isinstance(data, dict) else data).shape)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"Expected the input image to be rank 3 or 4. Received inputs.shape={shape}"
            )
        return shape

    def _batch_size(self, data):
        shape = self._shape_of(data)
        return shape[0] if len(shape) == 4 else 1

    def _image_size(self, shape):
        height, width = self._spatial_axes
        return shape[height], shape[width]

    def _uniform(self, shape, low, high, seed, dtype="float32"):
        seed = self.generator if seed is None else seed
        return random.uniform(shape, low, high, dtype=dtype, seed=seed)

    def _happens(self, data, seed):
        """A flag per image: whether it is changed, with a probability drawn from `factor`."""
        shape = (self._batch_size(data),)
        probability = self._uniform(shape, self.factor[0], self.factor[1], seed)
        return ops.less(self._uniform(shape, 0.0, 1.0, seed), probability)

    def get_random_transformation(self, data, training=True, seed=None):
        """What the `transform_…` methods of one call share; `None` when there is nothing."""
        return None

    # -- batches

    def _transform_images(self, images, transformation, interpolation):
        raise NotImplementedError(f"{type(self).__name__} does not say how images change.")

    def transform_images(self, images, transformation, training=True):
        """Images (batch, height, width, channels), changed."""
        images = ops.cast(images, self.compute_dtype)
        if training:
            images = self._transform_images(images, transformation, self.interpolation)
        return images

    def transform_labels(self, labels, transformation, training=True):
        """Labels (batch, ...); they stay as they are unless a layer says otherwise."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        """A dict of "boxes" (batch, boxes, 4) and "labels" (batch, boxes)."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot transform bounding boxes. Hint: leave them out."
        )

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        """Masks, changed as the images are but never mixed: by their nearest pixels."""
        if training:
            masks = ops.convert_to_tensor(segmentation_masks)
            segmentation_masks = self._transform_images(masks, transformation, "nearest")
        return segmentation_masks

    # -- single examples

    def transform_single_image(self, image, transformation, training=True):
        """`transform_images` of one image."""
        return self._single("transform_images", image, transformation, training)

    def transform_single_label(self, label, transformation, training=True):
        """`transform_labels` of one label."""
        return self._single("transform_labels", label, transformation, training)

    def transform_single_segmentation_mask(self, segmentation_mask, transformation, training=True):
        """`transform_segmentation_masks` of one mask."""
        name = "transform_segmentation_masks"
        return self._single(name, segmentation_mask, transformation, training)

    def transform_single_bounding_box(self, bounding_box, transformation, training=True):
        """`transform_bounding_boxes` of the boxes of one image."""
        batch = {k: ops.expand_dims(v, 0) for k, v in bounding_box.items()}
        out = self.transform_bounding_boxes(batch, transformation, training=training)
        return {k: ops.squeeze(v, 0) for k, v in out.items()}

    def _single(self, method, value, transformation, training):
        batch = ops.expand_dims(ops.convert_to_tensor(value), 0)
        out = getattr(self, method)(batch, transformation=transformation, training=training)
        return ops.squeeze(out, 0)

    # -- calls

    def _build_steps(self, layers, input_shape):
        for layer in layers:
            if layer is not None and not layer.built:
                layer.build(input_shape)

    def call(self, data, training=True):
        # Nothing is drawn at inference: predictions leave the generator's state alone.
        still = not training and hasattr(self, "generator")
        transformation = None if still else self.get_random_transformation(data, training=training)
        given = {"transformation": transformation, "training": training}
        batched = len(self._shape_of(data)) == 4
        images, labels, boxes, masks = (
            (self.transform_images, self.transform_labels, self.transform_bounding_boxes,
             self.transform_segmentation_masks)
            if batched
            else (self.transform_single_image, self.transform_single_label,
                  self.transform_single_bounding_box, self.transform_single_segmentation_mask)
        )  # fmt: skip
        if not isinstance(data, dict):
            return images(ops.convert_to_tensor(data), **given)
        data["images"] = images(ops.convert_to_tensor(data["images"]), **given)
        if "bounding_boxes" in data:
            self._check_box_format()
            data["bounding_boxes"] = boxes(densify(data["bounding_boxes"]), **given)
        if "labels" in data:
            data["labels"] = labels(ops.convert_to_tensor(data["labels"]), **given)
        if "segmentation_masks" in data:
            data["segmentation_masks"] = masks(
                ops.convert_to_tensor(data["segmentation_masks"]), **given
            )
        return data

    def _check_box_format(self):
        if not self.bounding_box_format:
            raise ValueError(
                "You passed an input with a 'bounding_boxes' key, but you didn't specify a "
                "bounding box format. Pass a `bounding_box_format` argument to your "
                f"{type(self).__name__} layer, e.g. `bounding_box_format='xyxy'`."
            )

    def compute_output_shape(self, input_shape):
        """The shape stays."""
        return input_shape

    def get_config(self):
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return {**config, **{name: getattr(self, name) for name in self._CONFIG}}

    # -- values

    def _transform_value_range(self, images, original_range, target_range, dtype="float32"):
        """Values of one range as those of another; nothing happens when they are the same."""
        if tuple(original_range) == tuple(target_range):
            return images
        (low, high), (new_low, new_high) = original_range, target_range
        share = (ops.cast(images, dtype) - float(low)) / (float(high) - float(low))
        return share * (float(new_high) - float(new_low)) + float(new_low)


class ColorLayer(BaseImagePreprocessingLayer):
    """Changes colours only: labels, boxes and masks stay."""

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return segmentation_masks


class FactorLayer(ColorLayer):
    """A layer whose transformation is one number per image, drawn from `factor`."""

    _CONFIG = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._set_value_range(value_range)
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """ "factor" (batch,)."""
        return {"factor": self._uniform((self._batch_size(data),), *self.factor, seed)}

    def _clip(self, images):
        return ops.clip(images, self.value_range[0], self.value_range[1])


def per_image(values, count=3):
    """(batch,) as (batch, 1, 1, 1)."""
    return ops.reshape(ops.convert_to_tensor(values), (-1, *[1] * count))
