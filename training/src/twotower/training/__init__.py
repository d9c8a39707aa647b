"""Training: batches and the data loader, the token cache, gradient caching, the loop, checkpoints and the log."""
