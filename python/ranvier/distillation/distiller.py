"""Training of a small model on what a large one says."""

from __future__ import annotations

from ranvier import losses, metrics, ops, serialization, tree
from ranvier.models import Model, Sequential

_OUTPUT = "final_output"


class Distiller(Model):
    """Trains a student on labels and on a teacher's outputs; predicts as the student.

    loss = w · student loss + (1 − w) · Σ weightᵢ · distillation lossᵢ(teacher, student)

    Args:
        teacher: trained model; it is frozen.
        student: model with the same inputs and outputs (shapes and dtypes).
        distillation_losses: a `DistillationLoss` or a list of them.
        distillation_loss_weights: one number per loss of the list; ones by default.
        student_loss_weight: w, 0 to 1.
        name: of the model.

    Raises:
        ValueError: models, losses or weights that do not fit.

    Example:
        >>> distiller = Distiller(teacher, student, LogitsDistillation())     # doctest: +SKIP
        >>> distiller.compile(loss="sparse_categorical_crossentropy")         # doctest: +SKIP
        >>> distiller.fit(x, y)                                               # doctest: +SKIP
    """

    def __init__(
        self,
        teacher,
        student,
        distillation_losses,
        distillation_loss_weights=None,
        student_loss_weight=0.5,
        name="distiller",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        self.teacher, self.student = teacher, student
        self.student_loss_weight = _checked_weight(student_loss_weight)
        self.distillation_losses, self.distillation_loss_weights = _checked_losses(
            distillation_losses, distillation_loss_weights
        )
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self._teacher_features = _feature_model(teacher, self._layer_names("teacher_layer_name"))
        self._student_features = _feature_model(student, self._layer_names("student_layer_name"))
        self.teacher.trainable = False
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def _layer_names(self, attribute):
        names = [getattr(loss, attribute, None) for loss in self.distillation_losses]
        return list(dict.fromkeys(n for n in names if n))

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        """Configures training.

        Args:
            optimizer: of the student's variables.
            loss: between labels and the student's outputs.
            metrics: list; of the student's outputs.

        Raises:
            ValueError: no loss, or metrics that are no list.
        """
        if loss is None:
            raise ValueError("'loss' cannot be `None`.")
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise ValueError(f"metrics must be a list or tuple, got {type(metrics)}")
        self._student_loss = tree.map_structure(
            lambda x: losses.get(x) if isinstance(x, str) else x, loss
        )
        self._given_loss = loss
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self):
        """The arguments of `compile`, serialized."""
        config = super().get_compile_config()
        if config is not None:
            config["loss"] = serialization.serialize_keras_object(self._given_loss)
        return config

    def compile_from_config(self, config):
        """Compiles with serialized arguments. Without the student's loss (Keras' own files leave
        it out) the distiller stays as it is."""
        arguments = serialization.deserialize_keras_object(config)
        if arguments.get("loss") is None:
            return
        self.compile(**arguments)
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def call(self, inputs, training=None, **kwargs):
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted sum of the student's loss and the distillation losses."""
        if y_pred is None:
            y_pred = self(x, training=training)
        student_loss, distillation_loss = 0.0, 0.0
        if self.student_loss_weight > 0.0 and y is not None:
            student_loss = self._loss_on_labels(y, y_pred)
        if self.student_loss_weight < 1.0:
            distillation_loss = self._loss_on_teacher(x, y_pred)
        total = ops.add(
            ops.multiply(self.student_loss_weight, student_loss),
            ops.multiply(1.0 - self.student_loss_weight, distillation_loss),
        )
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total

    def _loss_on_labels(self, y, y_pred):
        values = tree.flatten(
            tree.map_structure(lambda f, a, b: f(a, b), self._student_loss, y, y_pred)
        )
        total = ops.sum(ops.stack(values)) if len(values) > 1 else values[0]
        return ops.mean(total) if len(total.shape) else total

    def _loss_on_teacher(self, x, y_pred):
        taught = _features(self._teacher_features, self.teacher, x, training=False)
        learned = {_OUTPUT: y_pred}
        if self._student_features is not None:
            learned = self._student_features(x, training=True)
        total = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights):
            if getattr(loss, "teacher_layer_name", None) is None:
                teacher, student = taught[_OUTPUT], y_pred
            else:
                teacher = taught[loss.teacher_layer_name]
                student = learned[loss.student_layer_name or _OUTPUT]
            loss.validate_outputs(teacher, student)
            value = loss.compute_loss(teacher, student)
            if len(getattr(value, "shape", ())):
                raise ValueError(
                    f"Distillation loss {type(loss).__name__} returned a non-scalar loss with "
                    f"shape {tuple(value.shape)}. The compute_loss method must return a scalar "
                    "tensor."
                )
            total = ops.add(total, ops.multiply(weight, value))
        return total

    def reset_metrics(self):
        """Starts all metrics anew."""
        super().reset_metrics()
        self.student_loss_tracker.reset_state()
        self.distillation_loss_tracker.reset_state()
        self.total_loss_tracker.reset_state()

    def get_config(self):
        """Constructor arguments, the models among them."""
        write = serialization.serialize_keras_object
        return {
            **super().get_config(),
            "teacher": write(self.teacher),
            "student": write(self.student),
            "distillation_losses": [write(loss) for loss in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A distiller from its config."""

        def read(value):
            return serialization.deserialize_keras_object(value, custom_objects=custom_objects)

        made = {key: read(config[key]) for key in ("teacher", "student")}
        found = [read(loss) for loss in config["distillation_losses"]]
        return cls(**{**config, **made, "distillation_losses": found})


def _features(extractor, model, x, training):
    if extractor is None:
        return {_OUTPUT: model(x, training=training)}
    return extractor(x, training=training)


def _feature_model(model, names):
    """A model with the outputs of some layers besides its own; `None` when none is asked for."""
    if not names:
        return None
    last = model.layers[-1].output if isinstance(model, Sequential) else model.output
    outputs = {_OUTPUT: last, **{name: model.get_layer(name=name).output for name in names}}
    return Model(inputs=model.inputs, outputs=outputs, name=f"{model.name}_multi_feature_extractor")


def _checked_weight(weight):
    if not isinstance(weight, (int, float)):
        raise ValueError(f"student_loss_weight must be a number, got {type(weight)}")
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"student_loss_weight must be between 0.0 and 1.0, got {weight}")
    return weight


def _checked_losses(found, weights):
    if found is None:
        raise ValueError(
            "'distillation_losses' cannot be `None`. Provide a distillation loss (e.g., "
            "LogitsDistillation or FeatureDistillation) or a list of distillation losses."
        )
    if not isinstance(found, (list, tuple)):
        return [found], [1.0]
    weights = [1.0] * len(found) if weights is None else weights
    if len(weights) != len(found):
        raise ValueError(
            f"Number of distillation_loss_weights ({len(weights)}) must match number of "
            f"distillation_losses ({len(found)})"
        )
    return list(found), list(weights)


def _check_models(teacher, student):
    for kind, model in (("Teacher", teacher), ("Student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"{kind} must be a keras.Model, got {type(model)}")
    for what in ("inputs", "outputs"):
        ours, theirs = (getattr(m, what, None) for m in (teacher, student))
        if ours is not None and theirs is not None:
            tree.map_structure(lambda a, b, w=what[:-1]: _check_pair(a, b, w), ours, theirs)


def _check_pair(a, b, what):
    if len(a.shape) != len(b.shape):
        raise ValueError(
            f"Teacher and student {what} shapes have different dimensions. Teacher: {a.shape}, "
            f"Student: {b.shape}."
        )
    if any(None not in (m, n) and m != n for m, n in zip(a.shape, b.shape)):
        raise ValueError(
            f"Teacher and student {what} shapes are incompatible. Teacher: {a.shape}, Student: "
            f"{b.shape}. All dimensions must match."
        )
    if a.dtype != b.dtype:
        raise ValueError(
            f"Teacher and student {what} dtypes must match. Teacher: {a.dtype}, Student: {b.dtype}."
        )
