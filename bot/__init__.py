"""The process that answers, and the command line a person types. Imports `model` and `training`."""
