"""Bundles that the encoder serves: ONNX graphs, and pretrained models of others."""
