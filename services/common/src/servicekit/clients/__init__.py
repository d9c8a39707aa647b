"""HTTP clients for calling the services, one per service API. They need the extra `clients`."""
