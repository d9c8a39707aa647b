"""Authentication and authorisation: API keys, sessions, detection of remote requests, rate limit, audit log."""
