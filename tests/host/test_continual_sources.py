"""The continual-learning benchmark reads the layouts of public data sets."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgecl.errors import DatasetError, UsageError
from tools.bench.continual.sources import limit_clips, read_tasks
from tools.bench.continual.sources.task_files import TaskFiles

RATE_HZ = 16000


def write_wav(path: Path) -> None:
    """Write a quarter of a second of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(RATE_HZ // 4), RATE_HZ)


def write_esc50(folder: Path) -> Path:
    """Write all 50 classes of ESC-50, one clip per fold, and return their folder."""
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for target in range(50):
        for fold in range(1, 6):
            name = f"{fold}-{100 + target}-A-{target}.wav"
            write_wav(folder / "audio" / name)
            lines.append(f"{name},{fold},{target},class_{target:02},False,{100 + target},A")
    (folder / "meta").mkdir()
    (folder / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")
    return folder


def only(sources: list[Path], esc50_tasks: int = 5, esc50_fold: int = 5) -> TaskFiles:
    """Read the only task."""
    (task,) = read_tasks(sources, esc50_tasks, esc50_fold)
    return task


def names(half: dict[str, list[Path]]) -> dict[str, list[str]]:
    """Return the file names by label."""
    return {label: [path.name for path in paths] for label, paths in half.items()}


def test_esc_50_is_five_tasks_of_ten_classes_tested_on_one_fold(tmp_path: Path):
    tasks = read_tasks([write_esc50(tmp_path)], esc50_tasks=5, esc50_fold=2)
    assert [task.name for task in tasks] == ["esc50-1", "esc50-2", "esc50-3", "esc50-4", "esc50-5"]
    assert list(tasks[1].train) == [f"class_{target}" for target in range(10, 20)]
    assert names(tasks[1].test)["class_10"] == ["2-110-A-10.wav"]
    assert [name[0] for name in names(tasks[1].train)["class_10"]] == ["1", "3", "4", "5"]


def test_esc_50_can_be_a_single_task_as_in_ai_cl(tmp_path: Path):
    task = only([write_esc50(tmp_path)], esc50_tasks=1)
    assert len(task.train) == 50
    assert task.count == 250


def test_esc_50_is_not_split_unevenly(tmp_path: Path):
    write_esc50(tmp_path)
    with pytest.raises(UsageError, match="into 7 equal tasks"):
        read_tasks([tmp_path], esc50_tasks=7, esc50_fold=1)
    with pytest.raises(UsageError, match="no fold 6"):
        read_tasks([tmp_path], esc50_tasks=5, esc50_fold=6)


def test_the_hint_for_a_foreign_table_says_where_to_download_esc_50(tmp_path: Path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("name,class\na.wav,dog\n")
    with pytest.raises(DatasetError, match="not the table of ESC-50") as refused:
        read_tasks([tmp_path], esc50_tasks=5, esc50_fold=1)
    assert "github.com/karolpiczak" in refused.value.hint


def test_the_test_set_of_speech_commands_is_its_list_and_the_validation_list_is_not_used(tmp_path: Path):
    for word in ("yes", "no"):
        for speaker in ("a1", "b2", "c3"):
            write_wav(tmp_path / word / f"{speaker}_nohash_0.wav")
    write_wav(tmp_path / "_background_noise_" / "pink_noise.wav")
    (tmp_path / "testing_list.txt").write_text("yes/a1_nohash_0.wav\nno/a1_nohash_0.wav\n")
    (tmp_path / "validation_list.txt").write_text("yes/b2_nohash_0.wav\nno/b2_nohash_0.wav\n")
    task = only([tmp_path])
    assert task.name == "speech_commands"
    assert names(task.train) == {"no": ["c3_nohash_0.wav"], "yes": ["c3_nohash_0.wav"]}
    assert names(task.test) == {"no": ["a1_nohash_0.wav"], "yes": ["a1_nohash_0.wav"]}


def test_the_first_five_recordings_of_each_digit_and_speaker_are_the_test_set_of_fsdd(tmp_path: Path):
    for digit in (0, 7):
        for index in range(8):
            write_wav(tmp_path / "recordings" / f"{digit}_jackson_{index}.wav")
    task = only([tmp_path])
    assert names(task.train)["7"] == [f"7_jackson_{index}.wav" for index in (5, 6, 7)]
    assert names(task.test)["7"] == [f"7_jackson_{index}.wav" for index in range(5)]


def test_a_folder_of_tasks_is_read_by_name_and_a_single_task_as_it_is(tmp_path: Path):
    for task in ("doors", "bells"):
        for half in ("train", "test"):
            write_wav(tmp_path / task / half / "knock" / "1.wav")
            write_wav(tmp_path / task / half / "ring" / "1.WAV")
    assert [task.name for task in read_tasks([tmp_path], 5, 5)] == ["bells", "doors"]
    assert list(only([tmp_path / "doors"]).train) == ["knock", "ring"]


def test_sources_follow_each_other_in_the_order_given(tmp_path: Path):
    for task in ("z", "a"):
        for half in ("train", "test"):
            write_wav(tmp_path / task / half / "knock" / "1.wav")
    assert [task.name for task in read_tasks([tmp_path / "z", tmp_path / "a"], 5, 5)] == ["z", "a"]
    with pytest.raises(DatasetError, match="two tasks are called 'z'"):
        read_tasks([tmp_path / "z", tmp_path / "z"], 5, 5)


def test_the_hint_for_an_unknown_layout_lists_the_known_ones(tmp_path: Path):
    (tmp_path / "sounds").mkdir()
    with pytest.raises(UsageError, match="holds no task") as refused:
        read_tasks([tmp_path], 5, 5)
    assert "ESC-50" in refused.value.hint
    with pytest.raises(UsageError, match="there is no folder"):
        read_tasks([tmp_path / "nowhere"], 5, 5)


def test_a_task_without_test_recordings_is_rejected(tmp_path: Path):
    write_wav(tmp_path / "recordings" / "3_theo_9.wav")
    with pytest.raises(DatasetError, match="no recordings in its test half"):
        read_tasks([tmp_path], 5, 5)


def test_limiting_the_recordings_of_each_class_is_reproducible(tmp_path: Path):
    for index in range(12):
        write_wav(tmp_path / "recordings" / f"3_theo_{index}.wav")
    task = only([tmp_path])
    assert names(limit_clips(task, 2, seed=1).train) == names(limit_clips(task, 2, seed=1).train)
    assert [len(paths) for paths in limit_clips(task, 2, seed=1).train.values()] == [2]
    assert len(limit_clips(task, 100, seed=1).train["3"]) == 7
