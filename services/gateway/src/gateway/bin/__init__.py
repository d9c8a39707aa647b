"""The bin: pictures that the user deleted, until they are restored or forgotten."""
