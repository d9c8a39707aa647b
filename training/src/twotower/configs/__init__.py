"""Configs: each file defines CONFIG, with its command, expected time and expected result."""
