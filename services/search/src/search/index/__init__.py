"""The Faiss index: generations on disk, the delta since, exact and approximate search, and its maintenance."""
