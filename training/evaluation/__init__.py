"""How good a checkpoint is: style, memorization, and the baselines it is compared with."""
