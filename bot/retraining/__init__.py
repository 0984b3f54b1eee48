"""Retraining while dann serves: the schedule, the child process, its outcome, and telling the owners."""
