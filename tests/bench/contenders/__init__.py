"""What is measured against what. A module each, started by tests/bench/child.py in a process of its own.

A module here has `prepare(job) -> Contender`, and imports nothing that another contender could disturb.
"""
