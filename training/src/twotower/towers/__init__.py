"""The two towers: base weights, backbones and heads, and pictures and texts as they see them."""
