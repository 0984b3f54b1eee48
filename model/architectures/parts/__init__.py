"""What the cells share: the language model around a cell, the scan over time, dropout, batch-invariant products."""
