"""Speech Commands v2 (Warden, 2018): 105 829 clips of 1 s, 35 words, one folder per word.

`testing_list.txt` and `validation_list.txt` name the held-out files, by speaker. The validation set is not
used; `_background_noise_` is no word.
"""

from pathlib import Path

from tools.bench.continual.sources.task_files import TaskFiles, group_by_label

ADDRESS = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
TESTING, VALIDATION = "testing_list.txt", "validation_list.txt"


def read_task(source: Path) -> TaskFiles:
    """Read all words as one task; the test set is the testing list, the training set what is in no list."""
    test, validation = _read_list(source / TESTING), _read_list(source / VALIDATION)
    words = {path.relative_to(source).as_posix(): path for path in sorted(source.glob("[!_]*/*.wav"))}
    train = words.keys() - test - validation
    return TaskFiles(
        "speech_commands",
        group_by_label([(words[name].parent.name, words[name]) for name in train]),
        group_by_label([(words[name].parent.name, words[name]) for name in words.keys() & test]),
    )


def _read_list(file: Path) -> set[str]:
    return set(file.read_text().split()) if file.is_file() else set()
