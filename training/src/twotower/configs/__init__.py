"""Training configs: each file defines CONFIG, including its command line, expected time and expected result."""
