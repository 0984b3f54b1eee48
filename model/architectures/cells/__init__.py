"""Cells to compare with, and your own: each file is an architecture of its name.

There is no list: `dann new cell` writes a file here, and `model.architecture` takes its name.
"""
