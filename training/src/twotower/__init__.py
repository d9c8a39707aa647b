"""Two-tower text-to-image retrieval: data, towers, loss, training, evaluation and release."""

import os

# These libraries read the variables once, at import, so they must be set before. ONNX Runtime's builds send telemetry
# of each session to a Microsoft host; wandb 0.31 calls its vendor even in offline mode unless error reports are off;
# huggingface_hub counts what is loaded. Logging a run online to Weights & Biases still works.
os.environ.update(ORT_DISABLE_TELEMETRY="1", WANDB_ERROR_REPORTING="false", HF_HUB_DISABLE_TELEMETRY="1")
