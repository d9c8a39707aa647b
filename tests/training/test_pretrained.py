"""Bundles of pretrained Hugging Face dual encoders (CLIP, SigLIP): same vectors as transformers; re-indexing."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import sentencepiece
import torch
from encoder.model import OnnxModel
from encoder.runtime import Runtime
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipTokenizer,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)
from twotower import export

from tests.conftest import ROOT, Process, answers, find_free_ports, running

PART: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
PICTURE: dict[str, Any] = {**PART, "image_size": 32, "patch_size": 8}
SENTENCES = [
    "a red kite over the beach",
    "two children build a castle of sand",
    "ein Hund läuft über die Wiese",
    "the quick brown fox jumps over a lazy dog",
] * 20
# A short text, one with characters that a tokenizer normalises, and one over the token limit.
QUERIES = ["kite", "Two children, a castle!", "a red kite over the beach and the dog " * 4]


def word_pieces(folder: Path, size: int = 200) -> int:
    """Write a small BERT-like WordPiece tokenizer with its special tokens; return the size of its vocabulary."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return tokenizer.get_vocab_size()


def clip(folder: Path) -> Any:
    words = word_pieces(folder)
    text = {**PART, "vocab_size": words, "max_position_embeddings": 16, "eos_token_id": 3, "bos_token_id": 2}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=PICTURE, projection_dim=16))
    CLIPImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return model


def siglip(folder: Path, words: int) -> Any:
    text = {**PART, "vocab_size": words, "max_position_embeddings": 16, "projection_size": 32}
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return SiglipModel(SiglipConfig(text_config=text, vision_config=PICTURE))


def first_siglip(folder: Path) -> Any:
    """A SigLIP as first released: with a slow SentencePiece tokenizer that cleans texts in Python."""
    (folder / "sentences.txt").write_text("\n".join(SENTENCES))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "sentences.txt"),
        model_prefix=str(folder / "spiece"),
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), pad_token="</s>", model_max_length=16)
    tokenizer.save_pretrained(folder)
    return siglip(folder, len(tokenizer))


def second_siglip(folder: Path) -> Any:
    """A SigLIP 2: the same towers with a fast tokenizer."""
    return siglip(folder, word_pieces(folder))


def dual_encoder(folder: Path) -> Any:
    words = word_pieces(folder)
    vit, bert = (
        ViTModel(ViTConfig(**PICTURE)),
        BertModel(BertConfig(**PART, vocab_size=words, max_position_embeddings=16)),
    )
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vit.config, bert.config, projection_dim=16)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return VisionTextDualEncoderModel(config, vision_model=vit, text_model=bert)


@pytest.fixture(autouse=True)
def unreached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline mode: no test may download from the hub."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("made", [clip, first_siglip, second_siglip, dual_encoder])
def test_a_bundle_computes_what_the_model_does(made: Callable[[Path], Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = tmp_path / "mine"
    folder.mkdir()
    model = made(folder).eval()
    model.save_pretrained(folder)
    assert export.main(["--model", str(folder), "--out", str(tmp_path / "bundle")]) == 0
    served = OnnxModel(tmp_path / "bundle", threads=1, runtime=Runtime.ONNXRUNTIME_FP32)
    assert served.model_id.startswith("mine-")
    # Padding and truncation as in the library's own examples.
    known = AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if "siglip" in made.__name__ else "longest"
    inputs = known(QUERIES, padding=padding, truncation=True, max_length=served.max_tokens, return_tensors="pt")
    if padding == "max_length":
        inputs.pop("attention_mask", None)
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        wanted = model.get_text_features(**inputs).pooler_output.numpy()
    found = served.encode_texts(QUERIES)
    assert found.truncated[-1]
    assert least_cosine(found.vectors, wanted) > 0.9999
    # Padding does not change a vector: a text alone has the same one as in a batch with a longer text.
    assert least_cosine(served.encode_texts(QUERIES[:1]).vectors, wanted[:1]) > 0.9999
    served.close()


def least_cosine(a: Any, b: Any) -> float:
    """The lowest cosine between corresponding rows of two arrays."""
    return float(
        (a / np.linalg.norm(a, axis=1, keepdims=True) * b / np.linalg.norm(b, axis=1, keepdims=True)).sum(1).min()
    )


def test_what_cannot_be_served_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "bundle")
    assert export.main(["--model", "someone/something", "--out", out]) == 1
    assert "Hugging Face's hub has none of that name or cannot be reached from here" in capsys.readouterr().err
    (tmp_path / "bert").mkdir()
    BertConfig(**PART).save_pretrained(tmp_path / "bert")
    assert export.main(["--model", str(tmp_path / "bert"), "--out", out]) == 1
    said = capsys.readouterr().err
    assert (
        said
        == f"no export: {tmp_path / 'bert'} is a bert; what can be served is clip, siglip, vision-text-dual-encoder\n"
    )
    assert not Path(out).exists()


def test_make_up_serves_one_after_another_and_encodes_the_collection_anew(tmp_path: Path) -> None:
    torch.manual_seed(0)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        Image.effect_noise((60 + number, 40), 90).save(photos / f"{number}.png")
    port = find_free_ports(4)
    url = f"http://127.0.0.1:{port}"
    try:
        for number, made in enumerate((clip, first_siglip, dual_encoder)):
            folder = tmp_path / f"tiny-{made.__name__}"
            folder.mkdir()
            made(folder).save_pretrained(folder)
            export = [f"MODEL={folder}", f"EXPORT_PYTHON={sys.executable}"]
            words = [*export, f"PHOTOS={photos}", f"DATA={tmp_path / 'data'}"]
            # -o: make must not rebuild the virtual environment of the tests.
            command = ["make", "-o", f"{sys.prefix}/ready", "up", f"VENV={sys.prefix}", f"PORT={port}", *words]
            with running(command, {"HF_HUB_OFFLINE": "1"}, url, "/livez", tmp_path / "log") as process:
                wait_for(f"Open {url}", process)
                found = httpx.get(f"{url}/api/v1/search?q=a+kite").json()
                model = httpx.get(f"http://127.0.0.1:{port + 1}/v1/model").json()
            # The former model answers during the re-index; afterwards its encoder is stopped.
            assert (f"the one of before answers at {url}" in (tmp_path / "log").read_text()) == (number > 0)
            assert not answers(f"http://127.0.0.1:{port + 4}/livez")
            assert {hit["file_name"] for hit in found["results"]} == {"0.png", "1.png", "2.png"}
            assert model["model_id"].startswith(f"{folder.name}-")
    finally:
        for bundle in (ROOT / "var" / "models").glob(f"*{tmp_path.name}-tiny-*"):
            shutil.rmtree(bundle)


def wait_for(line: str, process: Process) -> None:
    """Wait until a process has written a text to its log."""
    deadline = time.monotonic() + 120
    while line not in process.log.read_text():
        if process.popen.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"no {line!r} in:\n{process.log.read_text()}")
        time.sleep(0.1)
