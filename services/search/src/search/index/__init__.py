"""The Faiss index: snapshots on disk, the delta since, exact and approximate search, and its maintenance."""
