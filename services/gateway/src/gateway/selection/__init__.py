"""What is done with several pictures at once: changes of their tags, and an archive of their files."""
