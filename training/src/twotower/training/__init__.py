"""Training: batches and how they are prepared, losses, the loop, checkpoints and the log."""
