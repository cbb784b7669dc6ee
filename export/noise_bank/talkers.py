"""Synthetic talkers: sentences in many languages, spoken by espeak-ng in many voices."""

import io
import shutil
import subprocess

import numpy as np
import soundfile
import soxr

from edgecl.arrays import Doubles
from edgecl.errors import ExportError

SENTENCES = {
    "en-us": "The window is open, and the kettle is still on the table. Shall we go out after lunch?",
    "en-gb": "My sister called this morning. She wants to bring the children and a cake on Sunday.",
    "de": "Heute Abend kochen wir zusammen, danach sehen wir einen Film. Hast du schon eingekauft?",
    "fr": "Il fait froid dehors, alors nous restons à la maison. Où as-tu posé les clés de la voiture ?",
    "es": "Mañana viene mi hermano con sus amigos. Tenemos que limpiar la cocina y comprar pan.",
    "it": "Domani mattina prendo il treno per il mare. Ricordati di annaffiare le piante sul balcone.",
    "pt": "O jantar está quase pronto, podes pôr a mesa? Depois vamos passear junto ao rio.",
    "nl": "De fiets staat in de schuur en het regent al de hele dag. Wil je nog een kopje koffie?",
    "pl": "W sobotę pojedziemy do babci na wieś. Trzeba kupić jabłka, mąkę i trochę masła.",
    "sv": "Solen skiner och barnen leker i trädgården. Vi äter middag klockan sex i kväll.",
    "ru": "Вечером мы пойдём в театр, а завтра будем отдыхать дома. Ты уже купил билеты?",
    "tr": "Bugün hava çok güzel, akşam balkonda oturalım. Çay hazır, bardaklar masanın üstünde.",
    "el": "Το πρωί πήγα στην αγορά και πήρα ψάρια και ντομάτες. Θα φάμε όλοι μαζί το βράδυ.",
    "ar": "الطقس جميل اليوم وسوف نذهب إلى الحديقة بعد الظهر. هل تريد أن تأتي معنا؟",
    "hi": "आज शाम को हम सब साथ में खाना खाएंगे। बाजार से दूध और कुछ फल लेते आना।",
    "cmn": "今天天气很好，我们下午一起去公园散步吧。晚上我想做鱼和米饭。",
}
VOICES = ("", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5", "+whisper")
WORDS_PER_MINUTE = (130, 210)
PITCH = (25, 75)
LEVEL_RANGE_DB = (-9.0, 0.0)  # of the talkers in a babble, relative to the loudest possible


def synthesise_babble(talkers: int, samples: int, rate_hz: int, rng: np.random.Generator) -> Doubles:
    """Synthesise some talkers at once, each from a random place in its text, [samples]."""
    mixture = np.zeros(samples)
    for _ in range(talkers):
        speech = synthesise_talker(rate_hz, rng)
        speech = np.roll(np.resize(speech, max(samples, speech.size)), int(rng.integers(speech.size)))
        level = speech.std() or 1.0
        mixture += speech[:samples] / level * 10 ** (rng.uniform(*LEVEL_RANGE_DB) / 20)
    return mixture


def synthesise_talker(rate_hz: int, rng: np.random.Generator) -> Doubles:
    """Synthesise the sentences of a random language in a random voice, [samples].

    Raises:
        ExportError: espeak-ng is not installed, or fails.
    """
    language = list(SENTENCES)[rng.integers(len(SENTENCES))]
    voice = language + VOICES[rng.integers(len(VOICES))]
    speed, pitch = rng.integers(*WORDS_PER_MINUTE), rng.integers(*PITCH)
    return speak(SENTENCES[language], voice, int(speed), int(pitch), rate_hz)


def speak(text: str, voice: str, words_per_minute: int, pitch: int, rate_hz: int) -> Doubles:
    """Speak a text by espeak-ng, [samples].

    Args:
        text: in the language of the voice.
        voice: a language of espeak-ng, with `+` and a variant or without.
        words_per_minute: speed.
        pitch: 0…99.
        rate_hz: sample rate of the result.

    Raises:
        ExportError: espeak-ng is not installed, or fails.
    """
    options = ("-v", voice, "-s", str(words_per_minute), "-p", str(pitch), "--stdout", text)
    program = shutil.which("espeak-ng")
    if program is None:
        raise ExportError(
            "espeak-ng, which speaks synthetic words and babble, is not installed", "install it"
        )
    result = subprocess.run([program, *options], capture_output=True, check=False)
    if result.returncode or not result.stdout:
        raise ExportError(f"espeak-ng failed with voice '{voice}': {result.stderr.decode().strip()}")
    waveform, spoken_hz = soundfile.read(io.BytesIO(result.stdout))
    return soxr.resample(waveform, spoken_hz, rate_hz)  # type: ignore[no-any-return]
