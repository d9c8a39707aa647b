"""Running a service: gunicorn settings, the worker that collects requests, the least rate of slow clients."""
