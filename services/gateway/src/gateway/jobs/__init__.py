"""Jobs: long work that a worker process does, such as a scan of the library or a re-index."""
