"""HTTP clients of the services, for those that call them: one client for each protocol. Needs the extra `clients`."""
