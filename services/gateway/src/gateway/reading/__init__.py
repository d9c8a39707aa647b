"""What is written in pictures: the reader, the job that reads, and the route that tells it."""
