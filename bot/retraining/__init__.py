"""Retraining while dann serves: schedule, child process, outcome, owners' notices."""
