"""Two-tower text-to-image retrieval: data, towers, loss, training, evaluation and release."""

import os

# Before anything imports these libraries, which read it once. ONNX Runtime's builds tell a Microsoft host of each
# session; wandb 0.31 calls its vendor in the offline mode as well, unless its error reports are off; huggingface_hub
# counts what is loaded. A run that is logged online still is: that is what was asked for.
os.environ.update(ORT_DISABLE_TELEMETRY="1", WANDB_ERROR_REPORTING="false", HF_HUB_DISABLE_TELEMETRY="1")
