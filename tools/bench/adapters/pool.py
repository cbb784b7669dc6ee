"""An initial adapter learnt by episodes from other labelled audio, the clips of a pretraining run."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.system.progress import Progress
from edgecl.arrays import Floats, Integers, Tokens
from edgecl.audio.reader import SAMPLE_RATE_HZ
from edgecl.augmentation.copies_key import make_copies_key
from export.distill.clips import open_clips
from export.distill.config import RunConfig
from export.distill.distill import CONFIG
from export.distill.labels import number_labels
from tools.bench.adapters.episodes import EpisodeSampler
from tools.bench.adapters.forms import AdapterForms
from tools.bench.continual.feature_extractors import FeatureExtractor, put_features

MIN_CLIPS, MAX_CLIPS = 8, 40
"""Of a label: with fewer it is not used, and more are not read."""
MAX_S = 4
"""Of a clip, from its beginning."""
CLASSES = 10
"""Of an episode."""
HELD_OUT_SHARE = 0.2
"""Of the labels, on which the learnt adapter is measured."""
MEASURED_EPISODES = 100
STEPS, LEARNING_RATE = 600, 3e-3


@dataclass(frozen=True)
class PoolAdapter:
    """An adapter learnt on a pool, and what it changes on labels that it was not learnt on."""

    adapter: Floats  # [a]
    labels: int  # learnt
    held_out_labels: int
    accuracy_before: float  # of episodes of the held-out labels, 0…1
    accuracy: float

    @classmethod
    def learn(cls, pool: Dataset, forms: AdapterForms, progress: Progress) -> "PoolAdapter":
        """Learn an adapter on most labels of a pool, and measure it on the others."""
        data = forms.prepare(pool)
        trainer = replace(forms.episodes, steps=STEPS, learning_rate=LEARNING_RATE)
        order = np.random.default_rng(0).permutation(pool.classes)
        held_out, learnt = np.split(order, [round(HELD_OUT_SHARE * len(order))])
        adapter = trainer.train(data, _sample(pool, learnt), forms.initial, 0, progress)
        before, after = (
            trainer.measure(data, _sample(pool, held_out), start, MEASURED_EPISODES)
            for start in (forms.initial, adapter)
        )
        return cls(adapter, len(learnt), len(held_out), before, after)

    def describe(self) -> str:
        """Return the figures in one sentence."""
        return (
            f"learnt on {self.labels} labels; {CLASSES} of {self.held_out_labels} others at a time, SLDA "
            f"recognises {100 * self.accuracy_before:.1f} % without and {100 * self.accuracy:.1f} % with it"
        )


def load_pool(run: Path, extractor: FeatureExtractor, progress: Progress) -> Dataset:
    """Load the labelled clips of a pretraining run with a copy of each, as tokens.

    Args:
        run: its folder, with clips and config.json, which lists the labels that say nothing of a sound.
        extractor: of the backbone's tokens, with a cache.
        progress: called after every clip, in stage "pool".

    Raises:
        UsageError: no label has enough clips.
    """
    clips = open_clips(run)
    config = RunConfig.load(run / CONFIG).model_copy(update={"label_clips": MIN_CLIPS})
    numbers = number_labels(clips.labels.tolist(), config)  # from 1
    chosen = [index for label in numbers for index in np.flatnonzero(clips.labels == label)[:MAX_CLIPS]]
    pieces, labels, recordings, augmented = [], [], [], []
    for number, index in enumerate(chosen):
        waveform = clips.load_waveform(index)[: MAX_S * SAMPLE_RATE_HZ]
        for is_copy, tokens in enumerate(_extract(extractor, waveform)):
            pieces.append(tokens)
            labels += [numbers[clips.labels[index]] - 1] * len(tokens)
            recordings += [number] * len(tokens)
            augmented += [bool(is_copy)] * len(tokens)
        progress("pool", number + 1, len(chosen))
    return Dataset(
        np.concatenate(pieces), np.array(labels), np.array(recordings), np.array(augmented), len(numbers)
    )


def _extract(extractor: FeatureExtractor, waveform: Floats) -> tuple[Tokens, Tokens]:
    """Return the tokens of a clip's windows and those of one copy, from the cache where they are there."""
    key = hashlib.sha256(waveform.tobytes()).hexdigest()
    tokens, copies = extractor.cache.get(key), extractor.cache.get(make_copies_key(key))
    if tokens is None or copies is None:
        assert extractor.extract_augmented is not None  # only networks of a whole clip have none
        tokens, copies = extractor.extract(waveform), extractor.extract_augmented(waveform, 1)
        put_features(extractor.cache, key, tokens)
        put_features(extractor.cache, make_copies_key(key), copies)
    return tokens, copies


def _sample(pool: Dataset, labels: Integers) -> EpisodeSampler:
    """Return the sampler of episodes of some labels."""
    kept = np.flatnonzero(np.isin(pool.labels, labels))
    return EpisodeSampler(kept, pool.labels[kept], pool.recordings[kept], min(CLASSES, len(labels)))
