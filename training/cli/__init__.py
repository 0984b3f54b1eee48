"""The commands of training: `dann import | posts | train | eval | checkpoints | forget | experiment | retrain`."""
