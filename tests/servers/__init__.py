"""Simulated Discord and Telegram servers on loopback, which real clients connect to."""
