"""Parity of serving and training: bundle against PyTorch, truncation, picture preprocessing, initial weights."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from encoder.model import OnnxModel
from encoder.runtime import Runtime
from PIL import Image
from servicekit.pictures import open_picture, packed, unpacked
from twotower.bundles.embedder import BundleEmbedder
from twotower.config import load_config
from twotower.parity import load_release, parity
from twotower.towers.build import build
from twotower.towers.embed import embed_pictures, embed_texts
from twotower.towers.pictures import see
from twotower.towers.texts import encode
from twotower.training.checkpoint import start_from

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


def test_training_starts_from_what_the_release_has_learned() -> None:
    config = load_config("flickr8k_small")
    trained = build(config, WHEELS)
    start_from(trained, RELEASE)
    embedder = BundleEmbedder(BUNDLE)
    texts, images = [e["caption"] for e in ENTRIES[:3]], [GALLERY / e["file"] for e in ENTRIES[:3]]
    with torch.inference_mode():
        found = (
            embed_texts(trained.eval(), embedder.tokenizer, texts),
            embed_pictures(trained, embedder.preparation, images),
        )
    for vectors, served in zip(found, (embedder.texts(texts), embedder.pictures(images)), strict=True):
        assert (vectors * served).sum(1).min() >= 0.9999


def test_training_does_not_start_from_towers_of_another_rank() -> None:
    config = load_config("flickr8k_small")
    other = build(replace(config, image=replace(config.image, rank=8)), WHEELS)
    with pytest.raises(ValueError, match=r"was trained otherwise: image\.backbone.*lora_A.* is .*, it has it as"):
        start_from(other, RELEASE)


@pytest.fixture(scope="module")
def model() -> Iterator[OnnxModel]:
    model = OnnxModel(BUNDLE)
    yield model
    model.close()


def test_a_text_over_the_limit_is_cut_where_training_cuts_it(model: OnnxModel) -> None:
    text = "a dog and a cat and " * 40
    tokenizer = BundleEmbedder(BUNDLE).tokenizer
    with torch.inference_mode():
        expected = load_release(RELEASE, WHEELS).text(*encode(tokenizer, [text]))
    vectors, truncated = model.encode_texts([text])
    assert truncated == [True]
    assert float(vectors[0] @ expected[0].numpy()) >= 0.999


@pytest.mark.parametrize("entry", ENTRIES[:4], ids=lambda e: e["file"])
def test_the_encoder_prepares_a_picture_as_training_does(model: OnnxModel, entry: dict[str, str]) -> None:
    path = GALLERY / entry["file"]
    served = model.prepare(open_picture(path.read_bytes(), 10**7, draft=2 * model.size).image)
    trained = see(path, 0, 0, BundleEmbedder(BUNDLE).preparation).numpy()
    assert np.abs(served - trained).max() == 0


def test_a_vector_is_the_same_in_any_company() -> None:
    texts = [e["caption"] for e in ENTRIES] + ["dog", "a black dog runs over wet sand " * 9]
    exact = OnnxModel(BUNDLE, runtime=Runtime.ONNXRUNTIME_FP32)
    try:
        together = exact.encode_texts(texts).vectors
        alone = np.concatenate([exact.encode_texts([text]).vectors for text in texts])
        prepared = [exact.prepare(open_picture((GALLERY / e["file"]).read_bytes(), 10**7).image) for e in ENTRIES[:9]]
        pictures = exact.encode_images(prepared)
        single = np.concatenate([exact.encode_images([one]) for one in prepared])
    finally:
        exact.close()
    assert np.abs(together - alone).max() <= 1e-5
    assert np.abs(pictures - single).max() <= 1e-5


def test_the_runtime_of_this_machine_computes_what_training_does(model: OnnxModel) -> None:
    """In bf16 too, if the processor has it."""
    embedder = BundleEmbedder(BUNDLE)
    texts, files = [e["caption"] for e in ENTRIES], [GALLERY / e["file"] for e in ENTRIES]
    prepared = [model.prepare(open_picture(file.read_bytes(), 10**7).image) for file in files]
    assert (model.encode_texts(texts).vectors * embedder.texts(texts)).sum(1).min() >= 0.999
    assert (model.encode_images(prepared) * embedder.pictures(files)).sum(1).min() >= 0.999


@pytest.mark.parametrize("entry", ENTRIES[:6], ids=lambda e: e["file"])
def test_a_picture_that_was_decoded_for_its_thumbnail_has_the_vector_of_its_file(
    model: OnnxModel, entry: dict[str, str]
) -> None:
    """Reduced from 12 megapixels and from its own size, as the gateway sends it, against the whole file."""
    small = Image.open(GALLERY / entry["file"]).convert("RGB")
    for size in (small.size, (4032, 3024)):
        stream = io.BytesIO()
        small.resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=92)
        whole = open_picture(stream.getvalue(), 10**8).image
        sent = unpacked(packed(open_picture(stream.getvalue(), 10**8, draft=480).image) or b"")
        assert sent is not None
        a, b = model.encode_images([model.prepare(whole), model.prepare(sent)])
        assert float(a @ b) >= 0.999
