"""Commands: `dann import, posts, train, eval, checkpoints, forget, experiment, retrain, base, new`."""
