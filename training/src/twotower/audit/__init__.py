"""What a captioned data set teaches a search engine, and what it does not: measured, with examples to look at."""
