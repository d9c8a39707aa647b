"""Evaluation: retrieval metrics (recall@k, mAP@R, bootstrap intervals), and queries generated from captions."""
