"""Backups of the whole system: made and restored while it runs."""
