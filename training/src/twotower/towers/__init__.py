"""The two towers: base weights, backbones, heads and losses, picture preprocessing and tokenisation."""
