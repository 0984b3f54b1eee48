"""Shared by all readers: files, zips, encodings, JSON and CSV streams, Record."""
