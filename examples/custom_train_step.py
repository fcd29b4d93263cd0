"""`fit` with a training step of one's own: mixup, smoothed by a slowly moving teacher.

Rows are blended with other rows of the batch, and the model is also pulled towards a copy of itself
whose weights follow at a distance. `fit` still brings the loop, callbacks and validation.

python examples/custom_train_step.py [--quick]
"""

import sys

import ranvier as keras
from ranvier import layers, ops

QUICK = "--quick" in sys.argv


class MeanTeacher(keras.Model):
    """A student that `train_step` trains, and a teacher that follows it.

    Args:
        make: function that returns a new network.
        pull: weight of the distance to the teacher.
        follow: share of the teacher's weights that is kept in each step.
    """

    def __init__(self, make, pull=0.5, follow=0.98, **kwargs):
        super().__init__(**kwargs)
        self.student, self.teacher = make(), make()
        self.teacher.trainable = False
        self.teacher.set_weights(self.student.get_weights())
        self.pull, self.follow = pull, follow
        self.seed = keras.random.SeedGenerator(7)
        self.distance = keras.metrics.Mean(name="distance")

    def call(self, inputs, training=False):
        return self.student(inputs, training=training) if training else self.teacher(inputs)

    def blend(self, x, y):
        """Rows mixed with the rows in reversed order, by one random share per row."""
        share = keras.random.uniform((x.shape[0], 1, 1, 1), 0.7, 1.0, seed=self.seed)
        flat = ops.reshape(share, (-1, 1))
        return share * x + (1 - share) * ops.flip(x, 0), flat * y + (1 - flat) * ops.flip(y, 0)

    def train_step(self, data):
        x, y = data
        x, y = self.blend(x, y)
        target = self.teacher(x)
        with keras.GradientTape() as tape:
            predicted = self.student(x, training=True)
            gap = ops.mean(ops.square(predicted - target))
            loss = self.compute_loss(x, y, predicted) + self.pull * gap
        weights = self.student.trainable_weights
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for slow, fast in zip(self.teacher.weights, self.student.weights):
            slow.assign(self.follow * slow + (1 - self.follow) * fast)
        self.distance.update_state(gap)
        return {**self.compute_metrics(x, y, predicted), "loss": loss}


def network():
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


keras.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x[..., None] / 16.0 for x in (x_train, x_test))
y_train, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_test))

model = MeanTeacher(network)
model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
model.fit(
    x_train, y_train, epochs=10 if QUICK else 40, batch_size=32, verbose=2,
    validation_data=(x_test, y_test),
)  # fmt: skip
_, accuracy, _ = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy of the teacher {accuracy:.3f}")
