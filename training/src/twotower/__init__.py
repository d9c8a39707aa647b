"""Two-tower text-to-image retrieval: data, towers, loss, training, evaluation and release."""
