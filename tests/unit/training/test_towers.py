"""Tiny random towers: frozen layers, LoRA merging, layer-wise learning rates, token cache, gradient caching."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from transformers import BertConfig, BertModel, Dinov2Config, Dinov2Model, ViTConfig, ViTModel
from twotower.config import Backbone, Config, Preparation, load_config
from twotower.synthetic import make_towers
from twotower.towers.build import build, load_tokenizer, low_rank, merged, parameter_groups, resize_positions
from twotower.towers.pictures import see
from twotower.towers.texts import encode
from twotower.towers.towers import Head, ImageTower, TextTower, depth, layers_of
from twotower.training.cache import cached_tokens
from twotower.training.gradcache import cached_backward
from twotower.training.input_pipeline import FeaturePipeline

TINY: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}


def vit() -> ViTModel:
    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**TINY, intermediate_size=64, image_size=32, patch_size=8))
    model.eval()
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("towers")
    make_towers(folder)
    return folder


def config(made: Path, image: Backbone, text: Backbone) -> Config:
    return replace(
        load_config("smoke"),
        image=replace(image, model=str(made / "vit")),
        text=replace(text, model=str(made / "bert")),
    )


FULL = Backbone("", "full", learning_rate=1e-4, layer_decay=0.5)
LORA = Backbone("", "lora", learning_rate=1e-4, rank=4)


@pytest.mark.parametrize("frozen", [0, 2, 3])
@pytest.mark.parametrize("pooling", ["cls", "mean", "cls+mean", "pooler"])
def test_a_tower_cut_after_its_frozen_layers_computes_the_same(pooling: str, frozen: int) -> None:
    width = 64 if "+" in pooling else 32
    tower = ImageTower(vit(), Head(width, 8), pooling, frozen).eval()  # type: ignore[arg-type]
    pixels = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(tower.rest(tower.trunk(pixels)), tower(pixels))
        # If all layers are frozen, the trunk returns only the pooled features.
        assert tower.trunk(pixels).shape == ((2, 1, width) if frozen == 3 else (2, 17, 32))


def test_padding_does_not_change_a_text() -> None:
    bert = BertModel(BertConfig(**TINY, intermediate_size=64, vocab_size=10), add_pooling_layer=False).eval()
    tower = TextTower(bert, Head(32, 8), "mean").eval()
    with torch.inference_mode():
        alone = tower(torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.int64))
        padded = tower(torch.tensor([[1, 2, 3, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]]))
    torch.testing.assert_close(alone, padded)


def test_positions_are_interpolated_once_as_the_model_itself_would() -> None:
    torch.manual_seed(0)
    backbone = Dinov2Model(Dinov2Config(**TINY, image_size=56, patch_size=14, mlp_ratio=2)).eval()
    pixels = torch.randn(1, 3, 28, 28)
    with torch.inference_mode():
        expected = backbone(pixels).last_hidden_state
        resize_positions(backbone, 28)
        torch.testing.assert_close(backbone(pixels).last_hidden_state, expected)


def test_the_layers_of_a_tower_are_found_and_the_parameters_placed() -> None:
    assert len(layers_of(vit())) == 3
    assert [depth(n, 3) for n in ("embeddings.x", "encoder.layer.0.y", "layers.2.z", "layernorm.weight")] == [
        0,
        1,
        3,
        4,
    ]


def test_each_layer_learns_slower_than_the_one_above(made: Path) -> None:
    chosen = config(made, FULL, LORA)
    model = build(chosen, made)
    rates = {id(g["params"][0]): g["lr"] for g in parameter_groups(chosen, model)}
    named = dict(model.image.backbone.named_parameters())
    first, second = (next(p for n, p in named.items() if f".{i}." in f".{n}") for i in (0, 1))
    assert rates[id(second)] == pytest.approx(1e-4 * 0.5)
    assert rates[id(first)] == pytest.approx(1e-4 * 0.25)
    assert rates[id(model.text.head.linear.weight)] == chosen.head_learning_rate
    # Every trained parameter is in exactly one group.
    assert rates.keys() == {id(p) for p in model.parameters() if p.requires_grad}


def test_frozen_layers_and_their_embeddings_are_not_trained(made: Path) -> None:
    model = build(config(made, replace(FULL, frozen_layers=1), replace(FULL, mode="frozen")), made)
    trained = {depth(n, 2) for n, p in model.image.backbone.named_parameters() if p.requires_grad}
    assert trained == {2, 3}
    assert not any(p.requires_grad for p in model.text.backbone.parameters())


def test_a_tower_is_not_trained_with_all_its_layers_frozen(made: Path) -> None:
    with pytest.raises(ValueError, match="2 of 2 layers frozen leaves none: mode frozen"):
        build(config(made, replace(LORA, frozen_layers=2), LORA), made)


def test_merging_low_rank_matrices_changes_nothing_but_the_form(made: Path) -> None:
    chosen = config(made, replace(LORA, frozen_layers=1), LORA)
    model = build(chosen, made).eval()
    assert {n.split(".")[1] for n in low_rank(model.image.backbone)} == {"1"}
    with torch.no_grad():
        for b, _ in (*low_rank(model.image.backbone).values(), *low_rank(model.text.backbone).values()):
            nn.init.normal_(b, std=0.1)
    pixels, ids = torch.randn(2, 3, 32, 32), torch.randint(0, 10, (2, 5))
    plain, untrained = merged(chosen, model, made), build(chosen, made).eval()
    with torch.inference_mode():
        expected = model(pixels, ids, torch.ones_like(ids))
        torch.testing.assert_close(plain(pixels, ids, torch.ones_like(ids)), expected)
        assert not torch.allclose(untrained(pixels, ids, torch.ones_like(ids))[1], expected[1], atol=1e-3)


def test_a_frozen_tower_s_texts_are_computed_once_and_as_ever(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = config(made, FULL, replace(FULL, mode="frozen"))
    model = build(chosen, made).train()
    tokenizer = load_tokenizer(chosen.text.model, made, 16)
    pipeline = FeaturePipeline(model, tokenizer)
    texts = ["a red circle on blue", "blue", "a red circle on blue"]
    features = pipeline(texts)
    assert model.training
    pixels = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        found, _ = model(pixels, features, None)
        expected, _ = model.eval()(pixels, *encode(tokenizer, texts))
    torch.testing.assert_close(found, expected)
    monkeypatch.setattr(model.text, "backbone", None)
    assert torch.equal(pipeline(texts), features)


def test_cached_tokens_are_the_trunk_s_and_are_computed_once(tmp_path: Path) -> None:
    for i, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (20, 20), colour).save(tmp_path / f"{i}.png")
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    tower = ImageTower(vit(), Head(64, 8), "cls+mean", frozen_layers=2)
    calls: list[int] = []

    def trunk(pixels: torch.Tensor) -> torch.Tensor:
        calls.append(len(pixels))
        return tower.trunk(pixels)

    preparation, cpu = Preparation(size=32), torch.device("cpu")
    first, again = (
        cached_tokens(tmp_path / "c", "x", paths, 1, 7, trunk, "t", preparation, cpu).map() for _ in range(2)
    )
    assert calls == [1, 3, 1]  # batch sizes: shape probe, pictures, shape probe
    assert torch.equal(first, again)
    with torch.inference_mode():
        expected = tower.trunk(see(paths[2], 1, 7, preparation)[None])[0]
    torch.testing.assert_close(first[2].float(), expected, atol=0.05, rtol=0.05)  # bfloat16 has eight bits


def test_gradients_in_parts_are_those_of_the_whole() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    parts = list(torch.randn(6, 4).split(2))

    def encode(part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return model(part), model(-part)

    def loss(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a @ b.T).logsumexp(1).mean()

    def gradients() -> list[torch.Tensor]:
        found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        model.zero_grad()
        return found

    torch.manual_seed(1)
    whole = [torch.cat(column) for column in zip(*(encode(p) for p in parts), strict=True)]
    expected = loss(*whole)
    expected.backward()
    plain = gradients()
    torch.manual_seed(1)
    value = cached_backward(encode, parts, loss)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradients(), plain)
