"""Readers for formats of no platform: plain text, tables and JSON lines."""
