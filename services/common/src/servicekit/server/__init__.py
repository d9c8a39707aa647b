"""Running a service: gunicorn settings, a worker that buffers requests, and a least transfer rate for slow clients."""
