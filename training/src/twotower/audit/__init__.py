"""Data set audit: measures label noise, false negatives, duplicates, leaks and vocabulary of a captioned data set."""
