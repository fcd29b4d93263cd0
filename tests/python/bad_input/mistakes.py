"""The mistakes of the golden-message tests, with shapes, dtypes, values and data.

Each function does one thing wrong; its name is that of its file in `golden/`.
"""

import numpy as np

import ranvier as keras
from ranvier import layers, ops

MISTAKES = {}


def mistake(fn):
    MISTAKES[fn.__name__] = fn
    return fn


def x(*shape, dtype="float32"):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float64").reshape(shape).astype(dtype)


def classifier(loss="sparse_categorical_crossentropy", last="softmax", **kwargs):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, name="hidden"),
            layers.Dense(3, activation=last, name="out"),
        ],
        name="classifier",
    )
    model.compile("sgd", loss, **kwargs)
    return model


def labels(*values):
    return np.array(values, "int32")


# Shapes and ranks.


@mistake
def dense_wrong_features():
    layer = layers.Dense(2, name="head")
    layer.build((None, 4))
    layer(x(3, 5))


@mistake
def dense_on_a_vector():
    layers.Dense(2, name="head")(x(3))


@mistake
def conv_wrong_rank():
    layers.Conv2D(4, 3, name="conv")(x(2, 8, 8))


@mistake
def conv_wrong_channels():
    layer = layers.Conv2D(4, 3, name="conv")
    layer.build((None, 8, 8, 3))
    layer(x(2, 8, 8, 1))


@mistake
def conv_kernel_larger_than_image():
    layers.Conv2D(4, 5, name="conv")(x(1, 3, 3, 1))


@mistake
def conv_channels_not_divisible_by_groups():
    layers.Conv2D(4, 3, groups=2, name="conv")(x(1, 8, 8, 3))


@mistake
def pool_window_larger_than_image():
    layers.MaxPooling2D(4, name="pool")(x(1, 3, 3, 1))


@mistake
def reshape_wrong_size():
    layers.Reshape((7,), name="reshape")(x(2, 3, 4))


@mistake
def concatenate_wrong_sizes():
    layers.Concatenate(name="join")([x(2, 3), x(4, 3)])


@mistake
def add_incompatible_shapes():
    layers.Add(name="sum")([x(2, 3), x(2, 4)])


@mistake
def matmul_inner_sizes():
    ops.matmul(x(2, 3), x(4, 5))


@mistake
def broadcast_sizes():
    ops.add(x(2, 3), x(4))


@mistake
def axis_out_of_range():
    ops.sum(x(2, 3), axis=2)


@mistake
def reshape_op_wrong_size():
    ops.reshape(x(2, 3), (4, 2))


@mistake
def index_out_of_range():
    ops.convert_to_tensor(x(3))[5]


@mistake
def assigning_to_an_element():
    ops.convert_to_tensor(x(3))[0] = 1.0


@mistake
def fit_wrong_features():
    classifier().fit(x(6, 7), labels(0, 1, 2, 0, 1, 2), verbose=0)


@mistake
def fit_wrong_target_shape():
    classifier("mean_squared_error").fit(x(6, 4), x(6, 2), verbose=0)


@mistake
def categorical_labels_that_are_sparse():
    classifier("categorical_crossentropy").fit(x(6, 4), labels(0, 1, 2, 0, 1, 2), verbose=0)


@mistake
def set_weights_wrong_shape():
    model = classifier()
    model.get_layer("hidden").set_weights([x(4, 6), x(5)])


@mistake
def set_weights_wrong_count():
    classifier().get_layer("hidden").set_weights([x(4, 5)])


@mistake
def variable_assign_wrong_shape():
    keras.Variable(x(2, 3), name="table").assign(x(3, 2))


@mistake
def functional_input_count():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    keras.Model([a, b], layers.Add()([a, b]), name="two")([x(2, 3)])


@mistake
def functional_disconnected():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    keras.Model(a, layers.Add(name="sum")([a, b]))


@mistake
def input_shape_that_is_no_tuple():
    keras.Input(4)


@mistake
def input_shape_argument_that_is_no_tuple():
    layers.Dense(2, input_shape=4)


@mistake
def shape_that_is_a_text():
    keras.random.normal("3")


@mistake
def normalization_axis_out_of_range():
    layers.BatchNormalization(axis=7, name="norm")(x(2, 3))


@mistake
def dot_axis_out_of_range():
    layers.Dot(axes=5, name="dot")([x(2, 3), x(2, 3)])


@mistake
def stack_of_different_shapes():
    ops.stack([x(2, 3), x(2, 4)])


@mistake
def einsum_unknown_output_index():
    ops.einsum("ij,jk->il", x(2, 3), x(3, 4))


@mistake
def one_hot_labels_for_a_sparse_loss():
    classifier().fit(x(3, 4), np.eye(3, dtype="float32"), verbose=0)


@mistake
def error_inside_nested_models():
    inner = keras.Sequential([keras.Input((None, None, 1)), layers.MaxPooling2D(4, name="pool")])
    keras.Sequential([keras.Input((3, 3, 1)), inner])


@mistake
def incompatible_shapes_with_an_unknown_batch():
    ops.add(keras.Input((3,)), keras.Input((4,)))


# Dtypes and values.


@mistake
def misspelt_dtype():
    ops.cast(x(3), "flot32")


@mistake
def units_that_are_a_text():
    layers.Dense("3")


@mistake
def kernel_size_that_is_a_text():
    layers.Conv2D(3, "3")


@mistake
def learning_rate_that_is_a_text():
    keras.optimizers.Adam("0.01")


@mistake
def epochs_that_are_a_text():
    classifier().fit(x(3, 4), labels(0, 1, 2), epochs="3", verbose=0)


@mistake
def epochs_with_a_fraction():
    classifier().fit(x(3, 4), labels(0, 1, 2), epochs=2.5, verbose=0)


@mistake
def labels_that_are_texts():
    classifier().fit(x(3, 4), np.array(["cat", "dog", "cat"]), verbose=0)


@mistake
def truth_of_a_tensor():
    bool(ops.convert_to_tensor(x(3)) > 0)


@mistake
def strings_as_input():
    classifier().predict(np.array([["a", "b", "c", "d"]]), verbose=0)


@mistake
def objects_as_input():
    ops.convert_to_tensor([object()])


@mistake
def ragged_list():
    ops.convert_to_tensor([[1.0, 2.0], [3.0]])


@mistake
def unknown_dtype():
    layers.Dense(2, dtype="float31")


@mistake
def gradient_of_integers():
    keras.grad(lambda a: ops.sum(a * a))(ops.convert_to_tensor(labels(1, 2)))


@mistake
def gradient_of_a_vector():
    keras.grad(lambda a: a * a)(ops.convert_to_tensor(x(3)))


@mistake
def label_too_large():
    classifier().fit(x(6, 4), labels(0, 1, 2, 3, 1, 2), verbose=0, shuffle=False)


@mistake
def label_negative():
    classifier().fit(x(6, 4), labels(0, 1, -1, 0, 1, 2), verbose=0, shuffle=False)


@mistake
def label_out_of_range_in_evaluate():
    classifier().evaluate(x(6, 4), labels(0, 1, 2, 9, 1, 2), verbose=0)


@mistake
def take_at_floats():
    ops.take(x(3), x(2))


@mistake
def dropout_rate():
    layers.Dropout(1.5)


@mistake
def dense_units():
    layers.Dense(0)


@mistake
def validation_split_of_one():
    classifier().fit(x(6, 4), labels(0, 1, 2, 0, 1, 2), validation_split=1.0, verbose=0)


# Data.


@mistake
def empty_arrays():
    classifier().fit(x(0, 4), np.zeros((0,), "int32"), verbose=0)


@mistake
def unequal_lengths():
    classifier().fit(x(6, 4), labels(0, 1, 2), verbose=0)


@mistake
def unequal_sample_weight():
    classifier().fit(x(3, 4), labels(0, 1, 2), sample_weight=np.ones(2, "float32"), verbose=0)


@mistake
def targets_beside_a_generator():
    batches = ((x(2, 4), labels(0, 1)) for _ in range(2))
    classifier().fit(batches, labels(0, 1), verbose=0)


@mistake
def batch_size_of_zero():
    classifier().fit(x(3, 4), labels(0, 1, 2), batch_size=0, verbose=0)


@mistake
def generator_without_batches():
    classifier().fit(iter(()), verbose=0)


@mistake
def generator_with_wrong_tuples():
    classifier().fit(((x(2, 4), labels(0, 1), None, None) for _ in range(2)), verbose=0)


@mistake
def missing_targets():
    classifier().fit(x(3, 4), verbose=0)
