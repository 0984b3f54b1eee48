"""Evaluation of a checkpoint: its score, style and memorization, beside baselines."""
