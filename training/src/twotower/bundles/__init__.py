"""Bundles that the encoder serves: ONNX export of the towers and of pretrained models."""
