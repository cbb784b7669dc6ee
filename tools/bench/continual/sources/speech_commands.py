"""Speech Commands v2 (Warden, 2018): 105 829 clips of 1 s, 35 words, a folder a word.

`testing_list.txt` and `validation_list.txt` name the files kept aside, by speaker. The validation half stays
unused; `_background_noise_` is no word.
"""

from pathlib import Path

from tools.bench.continual.sources.task_files import TaskFiles, sorted_by_label

ADDRESS = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
TESTING, VALIDATION = "testing_list.txt", "validation_list.txt"


def task(source: Path) -> TaskFiles:
    """All words as one task: the testing list is tested on, what is in neither list is learnt."""
    tested, aside = _listed(source / TESTING), _listed(source / VALIDATION)
    words = {path.relative_to(source).as_posix(): path for path in sorted(source.glob("[!_]*/*.wav"))}
    learnt = words.keys() - tested - aside
    return TaskFiles(
        "speech_commands",
        sorted_by_label([(words[name].parent.name, words[name]) for name in learnt]),
        sorted_by_label([(words[name].parent.name, words[name]) for name in words.keys() & tested]),
    )


def _listed(file: Path) -> set[str]:
    return set(file.read_text().split()) if file.is_file() else set()
