"""One reader a format: an export file in, a stream of Records out. `detect.py` picks the reader by content."""
