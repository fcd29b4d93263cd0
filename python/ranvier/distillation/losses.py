"""What a student is taught: the teacher's predictions, or features of its layers."""

from __future__ import annotations

from ranvier import losses, ops, serialization, tree

_PACKAGE_ERROR = "must contain at least one non-`None` value."


def _resolve(loss):
    """Names become functions; `None` and callables stay."""
    return losses.get(loss) if isinstance(loss, str) else loss


def _checked(owner, loss):
    found = tree.map_structure(_resolve, loss)
    if all(x is None for x in tree.flatten(found)):
        raise ValueError(f"The `loss` argument in `{owner}` {_PACKAGE_ERROR}")
    return found


def _total(loss_values):
    return ops.sum(ops.stack([ops.convert_to_tensor(x) for x in tree.flatten(loss_values)]))


class DistillationLoss:
    """Base of the losses between a teacher's and a student's outputs.

    Subclasses implement `compute_loss` and may check the models beforehand.

    Example:
        >>> class Squares(keras.distillation.DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        ...         return ops.mean((teacher_outputs - student_outputs) ** 2)
        >>> float(Squares().compute_loss(ops.ones((2, 3)), ops.zeros((2, 3))))
        1.0
    """

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """The loss as a scalar.

        Args:
            teacher_outputs, student_outputs: tensors, or equal structures of them.
        """
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs, student_outputs):
        """Refuses outputs of different structures."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher, student):
        """Refuses models that the loss cannot be used with; all are fine here."""


class FeatureDistillation(DistillationLoss):
    """Compares features of one teacher layer with those of one student layer.

    Args:
        loss: name, function or structure of them with the structure of the features; `None`s
            are left out.
        teacher_layer_name, student_layer_name: layers whose outputs are compared; the models'
            outputs when not given.

    Raises:
        ValueError: nothing but `None` as the loss.

    Example:
        >>> loss = keras.distillation.FeatureDistillation(loss="mse")
        >>> float(ops.mean(loss.compute_loss(ops.ones((2, 3)), ops.zeros((2, 3)))))
        1.0
    """

    def __init__(self, loss="mse", teacher_layer_name=None, student_layer_name=None):
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name
        self.loss = _checked("FeatureDistillation", loss)

    def validate_model_compatibility(self, teacher, student):
        """Refuses layer names that are not there, or models without a graph.

        Raises:
            ValueError: the models do not fit.
        """
        pairs = (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        )
        if any(name is not None for _, _, name in pairs):
            bare = [kind for kind, model, _ in pairs if getattr(model, "inputs", None) is None]
            if bare:
                raise ValueError(
                    "FeatureDistillation with specific layer names requires Functional or "
                    f"Sequential models. The {' and '.join(bare)} model(s) appear to be subclassed "
                    "(no symbolic inputs/outputs). Hint: leave out the layer names to distill "
                    "final outputs only, or use LogitsDistillation."
                )
        for kind, model, name in pairs:
            if name is not None:
                try:
                    model.get_layer(name=name)
                except ValueError as error:
                    raise ValueError(f"In {kind} model: {error}") from error

    def validate_outputs(self, teacher_outputs, student_outputs):
        """Refuses features whose structure is not the loss's."""
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            tree.assert_same_structure(self.loss, teacher_outputs)
        except ValueError as error:
            raise ValueError(
                f"Loss structure mismatch. Loss: {self.loss}, outputs: "
                f"{tree.map_structure(lambda x: x.shape, teacher_outputs)}. Error: {error}"
            ) from error

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """Mean loss per feature, summed over the structure."""

        def one(loss, teacher, student):
            return 0.0 if loss is None else ops.mean(loss(teacher, student))

        return _total(tree.map_structure(one, self.loss, teacher_outputs, student_outputs))

    def get_config(self):
        """Constructor arguments."""
        return {
            "loss": losses.serialize(self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }

    @classmethod
    def from_config(cls, config):
        """A loss from its config."""
        return cls(**{**config, "loss": losses.deserialize(config["loss"])})


class LogitsDistillation(DistillationLoss):
    """Compares softened predictions: logits divided by a temperature.

    Args:
        temperature: positive; larger means softer.
        loss: name, function or structure of them. With a `KLDivergence` object softmax is taken
            first, and the loss grows by the square of the temperature.

    Raises:
        ValueError: a temperature that is not positive, or no loss.

    Example:
        >>> loss = keras.distillation.LogitsDistillation(temperature=2.0)
        >>> logits = ops.array([[1.0, 3.0]])
        >>> float(loss.compute_loss(logits, logits))
        0.0
    """

    def __init__(self, temperature=3.0, loss="kl_divergence"):
        self.temperature = temperature
        self.loss = _checked("LogitsDistillation", loss)
        if not isinstance(temperature, (int, float)):
            raise ValueError(f"temperature must be a number, got {type(temperature)}")
        if temperature <= 0.0:
            raise ValueError("temperature must be positive.")

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """Mean loss per output, summed over the structure."""

        def one(loss, teacher, student):
            if loss is None:
                return 0.0
            teacher = ops.divide(teacher, self.temperature)
            student = ops.divide(student, self.temperature)
            if not isinstance(loss, losses.KLDivergence):
                return ops.mean(loss(teacher, student))
            value = ops.mean(loss(ops.softmax(teacher, axis=-1), ops.softmax(student, axis=-1)))
            return value * self.temperature**2

        return _total(tree.map_structure(one, self.loss, teacher_outputs, student_outputs))

    def get_config(self):
        """Constructor arguments."""
        return {
            "temperature": self.temperature,
            "loss": serialization.serialize_keras_object(self.loss),
        }

    @classmethod
    def from_config(cls, config):
        """A loss from its config."""
        return cls(**{**config, "loss": losses.deserialize(config["loss"])})
