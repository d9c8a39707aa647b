"""Who may ask: keys and sessions, what counts as remote, how often a client may ask, and the log of who did what."""
