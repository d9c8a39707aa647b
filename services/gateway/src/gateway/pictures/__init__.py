"""Pictures: ingest, storage, thumbnails, EXIF and the quarantine."""
