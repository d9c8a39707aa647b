"""ONNX export of a run and of a CLIP to bundles for the encoder, int8, and conversion to Hugging Face's format."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, VisionTextDualEncoderModel
from twotower import export
from twotower.training.runs import RunEmbedder

from tests.training.conftest import TRAIN, run

pytestmark = pytest.mark.usefixtures("inside")


def vectors(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return np.frombuffer(base64.b64decode(body["vectors"]), "<f4").reshape(-1, body["dim"])


def test_it_is_exported_and_served(start: Any, place: Path, trained: Path) -> None:
    bundle = place / "bundle"
    arguments = ["--run", str(trained), "--out", str(bundle), "--int8", "--data", "folder=var/smoke/shapes"]
    done = run(place, "-m", "twotower.export", *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    cosine = re.search(r"least cosine with PyTorch (\d\.\d+)", done.stdout)
    assert cosine
    assert 0.99999 <= float(cosine[1]) <= 1.00001
    assert "int8 costs " in done.stdout
    for name in ("text", "image"):
        operations = {node.op_type for node in onnx.load(bundle / f"{name}.onnx").graph.node}
        assert "MatMulInteger" in operations
    plain = place / "plain"
    assert export.main(["--run", str(trained), "--out", str(plain)]) == 0
    picture = place / "var" / "smoke" / "shapes" / "red-circle-blue.png"
    exact = {"ENCODER_BUNDLE": str(plain), "ENCODER_RUNTIME": "onnxruntime-fp32"}
    with start("encoder", **exact) as encoder, httpx.Client(base_url=encoder.url) as client:
        text = vectors(client.post("/v1/text", json={"texts": ["a red circle on blue"]}))
        image = vectors(client.post("/v1/images", files=[("images", picture.read_bytes())]))
    expected = RunEmbedder(trained, place)
    # The int8 bundle is served: the encoder accepts its canary.
    with start("encoder", ENCODER_BUNDLE=str(bundle)) as encoder:
        rounded = vectors(httpx.post(encoder.url + "/v1/text", json={"texts": ["a red circle on blue"]}))
    assert 0.98 < float(rounded[0] @ text[0]) < 0.9999999
    np.testing.assert_allclose(text, expected.texts(["a red circle on blue"]), atol=1e-5)
    np.testing.assert_allclose(image, expected.pictures([picture]), atol=1e-5)


def test_a_run_goes_to_hugging_face_s_form_and_comes_back(place: Path, tmp_path: Path) -> None:
    config = tmp_path / "plain.py"
    config.write_text(
        "from dataclasses import replace\nfrom twotower.config import load_config\n"
        "CONFIG = replace(load_config('smoke'), image_pooling='pooler', text_pooling='pooler', head_norm=False, "
        "epochs=1)\n"
    )
    out = tmp_path / "run"
    # Without an API key, Weights & Biases logs offline, and no library connects to its vendor.
    seen = tmp_path / "seen.json"
    done = run(place, "-m", "twotower.train", str(config), *TRAIN[3:5], "--out", str(out), record=seen)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(seen.read_text()) == {"names": [], "connections": []}
    assert len(list(out.glob("wandb/offline-run-*/*.wandb"))) == 1
    hub, direct, back = tmp_path / "hub", tmp_path / "direct", tmp_path / "back"
    arguments = ["--run", str(out), "--out", str(direct), "--save-dual-encoder", str(hub)]
    done = run(place, "-m", "twotower.export", *arguments, record=seen)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(seen.read_text()) == {"names": [], "connections": []}
    saved = VisionTextDualEncoderModel.from_pretrained(hub)
    scale = torch.load(out / "best.pt", weights_only=True)["ema"]["log_scale"]
    assert saved.config.projection_dim == 32
    assert saved.logit_scale.item() == pytest.approx(scale.item())
    assert export.main(["--model", str(hub), "--out", str(back)]) == 0
    canaries = [json.loads((b / "manifest.json").read_text())["canary"] for b in (direct, back)]
    a, b = (np.frombuffer(base64.b64decode(c["vector"]), "<f4") for c in canaries)
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_towers_of_another_form_are_not_saved_as_hugging_face_s(
    place: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--run", str(trained), "--out", str(tmp_path / "b"), "--save-dual-encoder", str(tmp_path / "h")]
    assert export.main(arguments) == 1
    assert "these towers do not" in capsys.readouterr().err


def test_a_clip_is_exported_and_served_with_its_own_preparation(start: Any, place: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    part = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    words = {"vocab_size": 20, "max_position_embeddings": 16, "eos_token_id": 3, "bos_token_id": 2}
    config = CLIPConfig(
        text_config={**part, **words}, vision_config={**part, "image_size": 32, "patch_size": 8}, projection_dim=16
    )
    model, folder = CLIPModel(config).eval(), tmp_path / "clip"
    model.save_pretrained(folder)
    processor = CLIPImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((place / "var" / "smoke" / "bert" / name).read_bytes())
    assert export.main(["--model", str(folder), "--out", str(tmp_path / "bundle")]) == 0
    picture = Image.effect_noise((90, 61), 90).convert("RGB")
    png = io.BytesIO()
    picture.save(png, "PNG")
    with start("encoder", ENCODER_BUNDLE=str(tmp_path / "bundle")) as encoder:
        served = vectors(httpx.post(encoder.url + "/v1/images", files=[("images", png.getvalue())]))
    with torch.inference_mode():
        pixels = torch.as_tensor(np.array(processor(picture)["pixel_values"]))
        projected = model.get_image_features(pixel_values=pixels).pooler_output[0]
    expected = (projected / projected.norm()).numpy()
    assert float(served[0] @ expected) > 0.999
