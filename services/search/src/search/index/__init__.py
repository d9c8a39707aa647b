"""The Faiss index: snapshots on disk, the delta in memory, exact and approximate search, and maintenance."""
