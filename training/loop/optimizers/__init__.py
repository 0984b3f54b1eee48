"""The registry of optimizers, by their names in config.toml, and the contract they share.

An optimizer is a function from TrainConfig to an optax transformation: gradients in, updates out, which the step multiplies
by the learning rate and subtracts (step.py). The rate is in none of them, as it follows the clock; one that cannot do without
takes it as the keyword `rate` of its update. Weight decay is added behind it, but for those that have their own (OWN_DECAY).
Runs that differ in their seed, end or rate alone share a program (OF_A_RUN in step.py), so it must not read those settings.

To add one: a file here that begins with its paper, its line below, and its name in OptimizerName (training/config/tables.py).
tests/training/loop/test_optimizer.py and test_own_optimizers.py hold each to its paper's step in float64.
"""

from collections.abc import Callable

import optax

from training.config.tables import OptimizerName, TrainConfig
from training.loop.optimizers import adam, lamb, madam, muon, plain, softmax_rate

Build = Callable[[TrainConfig], optax.GradientTransformation]

OPTIMIZERS: dict[OptimizerName, Build] = {
    "adamw": adam.adam,
    "rmsprop": plain.rmsprop,
    "sgd": plain.sgd,
    "lion": plain.lion,
    "muon": muon.muon,
    "lamb": lamb.lamb,
    "madam": madam.madam,
    "softmax_rate": softmax_rate.softmax_rate,
}
OWN_DECAY: frozenset[OptimizerName] = frozenset({"lamb"})
"""Optimizers that add weight decay themselves, where their paper has it elsewhere than at the end."""
