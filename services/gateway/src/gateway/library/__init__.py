"""The library: the user's own folders, whose pictures are indexed in place."""
