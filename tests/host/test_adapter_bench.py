"""The benchmark of adapters, on a small task of made-up sounds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from device_runtime.model.runtime import Runtime
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.progress import ignore_progress
from device_runtime.training.engines.portable import PortableEngine
from device_runtime.training.methods.kernel import KernelMatrix
from device_runtime.training.methods.slda import solve_slda
from device_runtime.training.recipe import Recipe
from export.distill.clips import write_clips
from export.distill.config import RunConfig
from export.distill.distill import CONFIG
from export.weights import load_weights
from tools.bench.__main__ import DEFAULT_WEIGHTS
from tools.bench.adapters import pool
from tools.bench.adapters.episodes import SHRINKAGE, EpisodeSampler, EpisodicTrainer, fit_slda
from tools.bench.adapters.forms import SLDA, AdapterForms
from tools.bench.adapters.measurement import AdapterBench, Measurement, format_table
from tools.bench.continual.feature_extractors import FeatureExtractor, make_bundle_extractor
from tools.bench.continual.sources import folders
from tools.demo.synthesise import TASKS, make_clip


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime.open(DEFAULT_BUNDLE, threads=1)


@pytest.fixture(scope="module")
def forms(runtime: Runtime) -> AdapterForms:
    """Open the forms with few episodes."""
    trainer = EpisodicTrainer.load(load_weights(DEFAULT_WEIGHTS).model, runtime.bundle.manifest)
    return AdapterForms(
        runtime, PortableEngine(runtime.bundle, threads=1), replace(trainer, steps=3), folds=1
    )


@pytest.fixture
def extractor(runtime: Runtime, tmp_path: Path) -> FeatureExtractor:
    return make_bundle_extractor(runtime, tmp_path / "cache")


def test_slda_with_gradients_gives_the_logits_of_the_product() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    known = (rng.normal(size=(30, 40)) + labels[:, None]).astype(np.float32)
    asked = rng.normal(size=(5, 40)).astype(np.float32)
    expected = solve_slda(KernelMatrix.from_features(known, labels, 3), SHRINKAGE)
    features = torch.from_numpy(known).requires_grad_()
    weights, bias = fit_slda(features, torch.from_numpy(labels), 3)
    logits = torch.from_numpy(asked) @ weights.T + bias
    np.testing.assert_allclose(
        logits.detach(), expected.compute_logits(asked @ known.T.astype(np.float64)), rtol=1e-3, atol=1e-3
    )
    logits.sum().backward()
    assert features.grad is not None
    assert features.grad.abs().sum() > 0


def test_an_episode_halves_every_class_and_keeps_takes_of_one_thing_together() -> None:
    labels, groups = np.repeat([0, 1, 2], 12), np.arange(36) // 3
    sampler = EpisodeSampler(np.arange(100, 136), labels, groups, classes=2)
    windows, is_fitted, classes = sampler.draw(np.random.default_rng(0))
    own = windows - 100
    assert sorted(set(classes)) == [0, 1]
    for number in (0, 1):
        first, second = own[is_fitted & (classes == number)], own[~is_fitted & (classes == number)]
        assert len(set(labels[np.concatenate([first, second])])) == 1
        assert len(set(groups[first])) == len(set(groups[second])) == 2
        assert not set(groups[first]) & set(groups[second])


def test_every_form_is_trained_and_tested_and_scores_recordings_left_out(
    demo_tasks: Path, forms: AdapterForms, extractor: FeatureExtractor
) -> None:
    forms = replace(forms, pool_adapter=forms.initial + np.float32(0.001))
    bench = AdapterBench(extractor, Recipe(copies=0), forms, ignore_progress)
    measurements = list(bench.run(folders.read_tasks(demo_tasks)[:1], clips=3, draws=1))
    assert [one.form for one in measurements] == list(forms.list_forms())
    for one in measurements:
        assert one.hits.mean() == 1, one.form
        assert one.left_out > 0.5, one.form
        assert not one.is_taken  # SLDA makes no mistake


def test_an_adapter_of_the_pool_is_learnt_on_most_labels_and_measured_on_the_others(
    forms: AdapterForms, extractor: FeatureExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MIN_CLIPS", 2)
    monkeypatch.setattr(pool, "HELD_OUT_SHARE", 0.5)
    monkeypatch.setattr(pool, "STEPS", 2)
    labels = list(TASKS["alarms"])
    clips = [(0, label, make_clip(label, number)) for label in labels for number in range(2)]
    ignored = [(0, "music", make_clip(labels[0], number)) for number in (2, 3)]
    write_clips(tmp_path, "made up", [*clips, *ignored, (0, "too few", make_clip(labels[0], 4))])
    RunConfig(ignored_labels=("music",)).save(tmp_path / CONFIG)
    dataset = pool.load_pool(tmp_path, extractor, ignore_progress)
    assert (dataset.classes, len(np.unique(dataset.recordings))) == (len(labels), 2 * len(labels))
    assert 2 * dataset.augmented.sum() == len(dataset.labels)
    learnt = pool.PoolAdapter.learn(dataset, forms, ignore_progress)
    assert (learnt.labels, learnt.held_out_labels) == (len(labels) // 2, len(labels) // 2)
    assert learnt.accuracy_before > 0.5
    assert not np.array_equal(learnt.adapter, forms.initial)
    assert np.array_equal(pool.load_pool(tmp_path, extractor, ignore_progress).tokens, dataset.tokens)


def test_a_row_has_the_test_accuracy_of_a_form_and_what_the_recordings_left_out_would_choose() -> None:
    right, half = np.ones(8, bool), np.arange(8) % 2 == 0
    measurements = [
        Measurement(SLDA, "a", half, half, 0.5, is_taken=False),
        Measurement("better", "a", right, right, 0.75, is_taken=True),
        Measurement(SLDA, "b", right, right, 1.0, is_taken=False),
        Measurement("better", "b", half, right, 0.5, is_taken=False),
    ]
    head, _, slda, better = format_table(measurements)
    assert head == "| form | test | change | left out | as `auto` | change | taken | a | b |"
    assert slda == "| SLDA | 75.0 % | +0.0 ± 0.0 | 75.0 % | 75.0 % | +0.0 ± 0.0 | 0.0 % | 50.0 | 100.0 |"
    assert better == (
        "| better | 75.0 % | +0.0 ± 25.0 | 62.5 % | 100.0 % | +25.0 ± 17.7 | 50.0 % | 100.0 | 50.0 |"
    )
