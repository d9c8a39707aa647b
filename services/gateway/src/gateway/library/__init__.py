"""The library: the user's own folders, whose pictures are indexed where they lie."""
