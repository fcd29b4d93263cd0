"""What the built-in cells, and the layers made around them, share."""

from __future__ import annotations

from ranvier import activations, initializers, ops, regularizers
from ranvier.layers._parts import take_weight_arguments, weight_config
from ranvier.layers.input_spec import InputSpec
from ranvier.layers.layer import Layer
from ranvier.layers.rnn.dropout_rnn_cell import DropoutRNNCell
from ranvier.layers.rnn.rnn import RNN
from ranvier.random import SeedGenerator

WEIGHTS = ("kernel", "recurrent", "bias")
_WEIGHT_ARGUMENTS = tuple(
    f"{weight}_{kind}"
    for kind in ("initializer", "regularizer", "constraint")
    for weight in WEIGHTS
)


def check_units(units):
    """`ValueError` unless the number of units is positive."""
    if units <= 0:
        raise ValueError(
            "Received an invalid value for argument `units`, expected a positive integer, got "
            f"{units}."
        )


class RecurrentCell(Layer, DropoutRNNCell):
    """Arguments, dropout and config of the cells.

    `gates` products of the input (and of the state) lie side by side in the kernels.
    """

    _declares_dtype = False

    gates = 1

    def _take_arguments(self, arguments: dict) -> None:
        """Sets the attributes from the local variables of `__init__`."""
        self.activation = activations.get(arguments["activation"])
        if "recurrent_activation" in arguments:
            self.recurrent_activation = activations.get(arguments["recurrent_activation"])
        self.use_bias = arguments["use_bias"]
        take_weight_arguments(self, **{k: arguments[k] for k in _WEIGHT_ARGUMENTS})
        self.dropout = min(1.0, max(0.0, arguments["dropout"]))
        self.recurrent_dropout = min(1.0, max(0.0, arguments["recurrent_dropout"]))
        self.seed = arguments["seed"]
        self.seed_generator = SeedGenerator(self.seed)

    def _one_mask_per_gate(self, implementation) -> None:
        """Implementation 1 drops each gate's inputs alone; recurrent dropout asks for it."""
        self.implementation = 1 if self.recurrent_dropout != 0.0 else implementation
        if self.implementation == 1:
            self.dropout_mask_count = self.gates

    def _add_weights(self, kernel_shape, recurrent_shape, bias_shape, bias_initializer=None):
        shapes = {"kernel": kernel_shape, "recurrent": recurrent_shape, "bias": bias_shape}
        self.bias = None
        for weight, shape in shapes.items():
            if weight == "bias" and not self.use_bias:
                continue
            name = "recurrent_kernel" if weight == "recurrent" else weight
            initializer = getattr(self, f"{weight}_initializer")
            if weight == "bias" and bias_initializer is not None:
                initializer = bias_initializer
            variable = self.add_weight(
                shape=shape, name=name, initializer=initializer,
                regularizer=getattr(self, f"{weight}_regularizer"),
                constraint=getattr(self, f"{weight}_constraint"),
            )  # fmt: skip
            setattr(self, name, variable)

    def _forget_bias(self, units):
        """Initializer of a bias (input, forget, cell, output): ones for the forget gate."""

        def initializer(shape, *args, **kwargs):
            return ops.concatenate([
                self.bias_initializer((units,), *args, **kwargs),
                initializers.get("ones")((units,), *args, **kwargs),
                self.bias_initializer((units * 2,), *args, **kwargs),
            ])  # fmt: skip

        return initializer if self.unit_forget_bias else None

    def _drops(self, rate, training) -> bool:
        return bool(training) and 0.0 < rate < 1.0

    def _input_parts(self, x, training) -> list:
        """What each gate multiplies with its kernel: x, or x under the gate's dropout mask."""
        if not self._drops(self.dropout, training):
            return [x] * self.gates
        return self._under_masks(x, self.get_dropout_mask(x))

    def _state_parts(self, h, training) -> list:
        """The same for the previous state and its dropout."""
        if not self._drops(self.recurrent_dropout, training):
            return [h] * self.gates
        return self._under_masks(h, self.get_recurrent_dropout_mask(h))

    def _under_masks(self, x, mask):
        if isinstance(mask, list):
            return [ops.multiply(x, m) for m in mask]
        return [ops.multiply(x, mask)] * self.gates

    def get_initial_state(self, batch_size=None):
        """Zero states (batch, units)."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, d), dtype=self.compute_dtype) for d in sizes]

    def get_config(self):
        return {**super().get_config(), **cell_config(self), "seed": self.seed}


def products(parts, kernel, gates: int) -> list:
    """Each part times its own columns of the kernel; one product where all parts are the same."""
    if all(part is parts[0] for part in parts):
        return ops.split(ops.matmul(parts[0], kernel), gates, axis=-1)
    columns = ops.split(ops.convert_to_tensor(kernel), gates, axis=-1)
    return [ops.matmul(part, k) for part, k in zip(parts, columns)]


_OPTIONAL = ("unit_forget_bias", "reset_after")


def cell_config(owner) -> dict:
    """The config entries that a cell and the layer around it have in common."""
    out = {"activation": activations.serialize(owner.activation)}
    if hasattr(owner, "units"):
        out["units"] = owner.units
    if hasattr(owner, "recurrent_activation"):
        out["recurrent_activation"] = activations.serialize(owner.recurrent_activation)
    out["use_bias"] = owner.use_bias
    out.update({k: getattr(owner, k) for k in _OPTIONAL if hasattr(owner, k)})
    out.update(weight_config(owner, *WEIGHTS))
    out.update(dropout=owner.dropout, recurrent_dropout=owner.recurrent_dropout)
    return out


def of_cell(*names: str):
    """Class decorator: read-only properties that ask the layer's cell."""

    def decorate(cls):
        for name in names:
            getter = property(lambda self, name=name: getattr(self.cell, name))
            getter.__doc__ = f"`{name}` of the cell."
            setattr(cls, name, getter)
        return cls

    return decorate


SHARED = ("activation", "use_bias", *_WEIGHT_ARGUMENTS, "dropout", "recurrent_dropout")


@of_cell(*SHARED)
class CellLayer(RNN):
    """An `RNN` that makes its own cell from its arguments; its config is flat."""

    cell_class: type = RecurrentCell
    cell_name = ""
    # Arguments of the layer that are not the cell's.
    _layer_arguments: tuple = (
        "return_sequences", "return_state", "go_backwards", "stateful", "unroll",
        "activity_regularizer",
    )  # fmt: skip
    _not_the_cells = (*_layer_arguments, "self", "__class__", "kwargs", "use_cudnn", "cell")

    def _make(self, arguments: dict) -> None:
        """Makes the cell and the layer from the local variables of `__init__`."""
        kwargs = dict(arguments["kwargs"])
        of_cell = {k: v for k, v in arguments.items() if k not in self._not_the_cells}
        if "implementation" in kwargs:
            of_cell["implementation"] = kwargs.pop("implementation")
        cell = self.cell_class(**of_cell, **self._cell_extras(kwargs), name=self.cell_name)
        own = {k: arguments[k] for k in self._layer_arguments if k in arguments}
        RNN.__init__(self, cell, **own, **kwargs)
        use_cudnn = arguments.get("use_cudnn", "auto")
        if use_cudnn not in ("auto", True, False):
            raise ValueError(
                "Invalid valid received for argument `use_cudnn`. Expected one of {'auto', True, "
                f"False}}. Received: use_cudnn={use_cudnn}"
            )
        if "use_cudnn" in arguments:
            self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    def _cell_extras(self, kwargs):
        return {"dtype": kwargs.get("dtype"), "trainable": kwargs.get("trainable", True)}

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, mask=mask, training=training, initial_state=initial_state)

    def get_config(self):
        config = {**super().get_config(), **cell_config(self)}
        config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        del config["cell"]
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**config)
