"""Shared by the cells: the language model around a cell, the scan over time, dropout, batch-invariant matmuls."""
