"""What is served is what was trained: the composed bundle against PyTorch, and the two ways to prepare a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from encoder.model import Model
from servicekit.pictures import open_picture
from twotower.embed import BundleEmbedder
from twotower.parity import load_release, parity
from twotower.pictures import see
from twotower.texts import encode

ROOT = Path(__file__).parents[2]
BUNDLE, WHEELS = ROOT / "var" / "bundle", ROOT / "var" / "base"
RELEASE = ROOT / "training" / "released" / "sightline-small"
GALLERY = ROOT / "deploy" / "gallery"
ENTRIES = json.loads((GALLERY / "manifest.json").read_text())["pictures"][::20]


def test_the_bundle_computes_what_pytorch_does() -> None:
    least = parity(
        BUNDLE,
        RELEASE,
        WHEELS,
        [e["caption"] for e in ENTRIES],
        [GALLERY / e["file"] for e in ENTRIES],
    )
    assert min(least) >= 0.9999


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(BUNDLE)


def test_a_text_over_the_limit_is_cut_where_training_cuts_it(model: Model) -> None:
    text = "a dog and a cat and " * 40
    tokenizer = BundleEmbedder(BUNDLE).tokenizer
    with torch.inference_mode():
        expected = load_release(RELEASE, WHEELS).text(*encode(tokenizer, [text]))
    vectors, truncated = model.encode_texts([text])
    assert truncated == [True]
    assert float(vectors[0] @ expected[0].numpy()) >= 0.9999


@pytest.mark.parametrize("entry", ENTRIES[:4], ids=lambda e: e["file"])
def test_the_encoder_prepares_a_picture_as_training_does(model: Model, entry: dict[str, str]) -> None:
    path = GALLERY / entry["file"]
    served = model.prepare(open_picture(path.read_bytes(), 10**7, draft=2 * model.size).image)
    trained = see(path, 0, 0, BundleEmbedder(BUNDLE).preparation).numpy()
    assert np.abs(served - trained).max() == 0
