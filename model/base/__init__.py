"""Bases: networks that have read many people's conversations, for a voice to start from."""
