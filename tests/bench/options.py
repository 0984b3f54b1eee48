"""What the command line gives to benches by the environment. Imports nothing."""

GIVEN = "BENCH_CHECKPOINT_DIR"
"""A folder of checkpoints with its CURRENT, such as data/checkpoints."""
MINUTES = "BENCH_MINUTES"
"""How long a soak lasts."""
