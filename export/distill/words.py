"""Synthetic words: syllables that mean nothing, spoken by espeak-ng in many voices."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from device_runtime.system.progress import Progress
from edgecl.audio.reader import SAMPLE_RATE_HZ

from ..noise_bank.talkers import PITCH, VOICES, speak
from .clips import is_current, write_clips

LANGUAGES = ("en-us", "en-gb", "de", "fr", "es", "it", "pt", "nl", "sv", "pl")
ONSETS = (
    *("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z"),
    *("sh", "ch", "j", "th", "st", "tr", "kl", "pr", "br"),
)
VOWELS = ("a", "e", "i", "o", "u", "ai", "au", "oi", "ee", "oo")
CODAS = ("n", "m", "s", "t", "k", "l", "r")
SYLLABLES = (1, 2, 2, 2, 3, 3)  # of a word, as likely as they are listed
CODA_SHARE = 0.4  # of the syllables
TAKES = 12  # of a word
FOREIGN_SHARE = 0.2  # of the takes that a voice of any language speaks
WORDS_PER_MINUTE = (120, 240)
SILENCE = 0.01  # amplitude, around a word
MIN_SAMPLES = SAMPLE_RATE_HZ // 10
THREADS = 2


def synthesise_words(folder: Path, count: int, progress: Progress) -> None:
    """Write words, each in twelve takes, as clips to a folder, unless they are there.

    The label of a clip is the number of its word.

    Raises:
        ExportError: espeak-ng is not installed, or fails.
    """
    identity = f"{count} words, {TAKES} takes"
    if not is_current(folder, identity):
        write_clips(folder, identity, _speak_all(count, progress))


def make_word(rng: np.random.Generator) -> str:
    """Make a word of one to three syllables."""
    return "".join(
        ONSETS[rng.integers(len(ONSETS))]
        + VOWELS[rng.integers(len(VOWELS))]
        + (CODAS[rng.integers(len(CODAS))] if rng.random() < CODA_SHARE else "")
        for _ in range(SYLLABLES[rng.integers(len(SYLLABLES))])
    )


def _speak_all(count: int, progress: Progress) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yield source, label and waveform [samples] of each take."""
    with ThreadPoolExecutor(THREADS) as pool:
        for number, takes in enumerate(pool.map(_speak_word, range(count))):
            progress("speaking words", number, count)
            yield from ((0, str(number), take) for take in takes)


def _speak_word(number: int) -> list[np.ndarray]:
    rng = np.random.default_rng([number, TAKES])
    word, language = make_word(rng), LANGUAGES[rng.integers(len(LANGUAGES))]
    return [_speak_take(word, language, rng) for _ in range(TAKES)]


def _speak_take(word: str, language: str, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < FOREIGN_SHARE:
        language = LANGUAGES[rng.integers(len(LANGUAGES))]
    voice = language + VOICES[rng.integers(len(VOICES))]
    speed, pitch = int(rng.integers(*WORDS_PER_MINUTE)), int(rng.integers(*PITCH))
    waveform = speak(word, voice, speed, pitch, SAMPLE_RATE_HZ)
    loud = np.flatnonzero(np.abs(waveform) > SILENCE)
    if len(loud) == 0:
        return waveform
    return waveform[loud[0] : max(int(loud[-1]) + 1, int(loud[0]) + MIN_SAMPLES)]
