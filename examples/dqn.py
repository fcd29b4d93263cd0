"""Deep Q-learning: a pole is balanced on a cart by learning what pushes are worth.

Mnih et al. 2015, with a target network and a memory of past moves. The cart is simulated here
(Barto, Sutton & Anderson 1983); an episode ends when the pole tilts by 12 degrees, the cart leaves
the track, or after 200 steps.

python examples/dqn.py [--quick]
"""

import sys

import numpy as np

import ranvier as keras
from ranvier import layers, ops

QUICK = "--quick" in sys.argv
EPISODES = 120 if QUICK else 250
GAMMA, BATCH, MEMORY, STEPS = 0.99, 64, 20000, 200


def move(state, action):
    """The state 0.02 s after a push to the left (0) or to the right (1)."""
    x, speed, angle, spin = state
    force = 10.0 if action == 1 else -10.0
    sine, cosine = np.sin(angle), np.cos(angle)
    pull = (force + 0.05 * spin**2 * sine) / 1.1
    spin_rate = (9.8 * sine - cosine * pull) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    rate = pull - 0.05 * spin_rate * cosine / 1.1
    x, speed = x + 0.02 * speed, speed + 0.02 * rate
    angle, spin = angle + 0.02 * spin, spin + 0.02 * spin_rate
    fallen = abs(x) > 2.4 or abs(angle) > np.radians(12)
    return np.array([x, speed, angle, spin], "float32"), fallen


def network():
    hidden = [layers.Dense(64, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(2)])


keras.utils.set_random_seed(1)
online, target = network(), network()
target.set_weights(online.get_weights())
optimizer = keras.optimizers.Adam(1e-3, clipnorm=1.0)
optimizer.build(online.trainable_variables)
loss_fn = keras.losses.Huber()


@keras.jit
def learn(states, actions, rewards, nexts, ends):
    """One update towards reward + GAMMA max Q(next), of the action that was taken."""
    best = ops.max(target(nexts), axis=1)
    wanted = rewards + GAMMA * (1.0 - ends) * best
    with keras.GradientTape() as tape:
        values = ops.sum(online(states) * ops.one_hot(actions, 2), axis=1)
        loss = loss_fn(wanted, values)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


@keras.jit
def choose(state):
    return ops.argmax(online(state), axis=1)


rng = np.random.default_rng(0)
memory = [np.zeros((MEMORY, 4), "float32"), np.zeros(MEMORY, "int32"), np.zeros(MEMORY, "float32"),
          np.zeros((MEMORY, 4), "float32"), np.zeros(MEMORY, "float32")]  # fmt: skip
seen, lengths = 0, []
for episode in range(EPISODES):
    state = rng.uniform(-0.05, 0.05, 4).astype("float32")
    curiosity = max(0.02, 1.0 - episode / (0.5 * EPISODES))
    lengths.append(0)
    for _ in range(STEPS):
        lengths[-1] += 1
        explore = rng.uniform() < curiosity
        action = int(rng.integers(2)) if explore else int(choose(state[None])[0])
        after, fallen = move(state, action)
        row = state, action, 1.0, after, float(fallen)
        for column, value in zip(memory, row):
            column[seen % MEMORY] = value
        seen += 1
        state = after
        if seen > 500:
            rows = rng.integers(0, min(seen, MEMORY), BATCH)
            learn(*(column[rows] for column in memory))
            if seen % 100 == 0:
                target.set_weights(online.get_weights())
        if fallen:
            break
    if (episode + 1) % (EPISODES // 5) == 0:
        print(f"episode {episode + 1}: mean length {np.mean(lengths[-EPISODES // 5 :]):.0f}")
print(f"first tenth {np.mean(lengths[: EPISODES // 10]):.0f}, best {max(lengths)} steps")
