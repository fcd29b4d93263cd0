"""A generative adversarial network: a generator learns to make points that a critic cannot tell.

The data lie on a ring of eight clusters, so that the result can be measured: how many clusters are
reached, and how many points lie on one. The critic is trained with the gradient penalty of
Gulrajani et al. 2017, a derivative of a derivative.

python examples/gan.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers, ops

QUICK = "--quick" in sys.argv
NOISE, CLUSTERS = 8, 8
angles = 2 * np.pi * np.arange(CLUSTERS) / CLUSTERS
CENTRES = np.stack([np.cos(angles), np.sin(angles)], axis=1)


class GAN(keras.Model):
    """Generator and critic with an optimizer each."""

    def __init__(self, generator, critic, penalty=1.0, **kwargs):
        super().__init__(**kwargs)
        self.generator, self.critic, self.penalty = generator, critic, penalty
        self.seed = keras.random.SeedGenerator(5)
        self.critic_loss = keras.metrics.Mean(name="critic")
        self.generator_loss = keras.metrics.Mean(name="generator")

    def compile(self, generator_optimizer, critic_optimizer):
        super().compile(optimizer=generator_optimizer)
        self.critic_optimizer = critic_optimizer

    def make(self, rows):
        return self.generator(keras.random.normal((rows, NOISE), seed=self.seed), training=True)

    def slope(self, real, fake):
        """Mean of (|gradient of the critic| - 1)^2 between real and made points."""
        share = keras.random.uniform((real.shape[0], 1), seed=self.seed)
        between = share * real + (1 - share) * fake
        with keras.GradientTape() as tape:
            tape.watch(between)
            scores = self.critic(between)
        norm = ops.sqrt(ops.sum(ops.square(tape.gradient(scores, between)), axis=1) + 1e-12)
        return ops.mean(ops.square(norm - 1.0))

    def train_step(self, real):
        rows = real.shape[0]
        with keras.GradientTape() as tape:
            fake = ops.stop_gradient(self.make(rows))
            gap = ops.mean(self.critic(fake)) - ops.mean(self.critic(real))
            loss = gap + self.penalty * self.slope(real, fake)
        weights = self.critic.trainable_weights
        self.critic_optimizer.apply(tape.gradient(loss, weights), weights)
        self.critic_loss.update_state(loss)

        with keras.GradientTape() as tape:
            loss = -ops.mean(self.critic(self.make(rows)))
        weights = self.generator.trainable_weights
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        self.generator_loss.update_state(loss)
        return {m.name: m.result() for m in (self.critic_loss, self.generator_loss)}


def network(inputs, outputs):
    hidden = [layers.Dense(64, activation="leaky_relu") for _ in range(3)]
    return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(outputs)])


keras.utils.set_random_seed(2)
rng = np.random.default_rng(0)
points = CENTRES[rng.integers(0, CLUSTERS, 8192)] + 0.05 * rng.normal(size=(8192, 2))
gan = GAN(network(NOISE, 2), network(2, 1))
gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
gan.fit(points.astype("float32"), batch_size=256, epochs=30 if QUICK else 60, verbose=2)

made = gan.generator.predict(rng.normal(size=(2000, NOISE)).astype("float32"), verbose=0)
distance = np.linalg.norm(made[:, None] - CENTRES, axis=-1)
reached = np.unique(distance.argmin(1)[distance.min(1) < 0.3])
print(f"clusters reached: {len(reached)} of {CLUSTERS}")
print(f"points near a cluster: {100 * np.mean(distance.min(1) < 0.3):.0f} %")
