"""Training windows from a folder of sounds: decoding, split by hash, windows by number."""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from device_runtime.system.progress import ignore_progress
from edgecl.audio.reader import read_clip
from edgecl.errors import DatasetError, UsageError
from export.distill.audio import TrainingAudio, open_rooms
from export.distill.augment import WindowSampler, mix
from export.distill.clips import decode, open_clips
from export.distill.config import RunConfig
from export.distill.labels import BACKGROUND, UNLABELLED, WORDS, count_classes, number_labels
from export.distill.process_group import ProcessGroup
from export.distill.rooms import NOISE_SHARE
from export.distill.windows import TrainingWindows, make_held_out_windows
from export.distill.words import TAKES

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sounds(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real sounds in one folder for each of two sources."""
    folder = tmp_path_factory.mktemp("sounds")
    for source in ("kde_ocean", "teeworlds"):
        with tarfile.open(data(f"pretrain/{source}.tar")) as tar:
            tar.extractall(folder, tar.getmembers()[:12], filter="data")
    return folder


@pytest.fixture(scope="module")
def store(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decode these sounds."""
    folder = tmp_path_factory.mktemp("store")
    assert decode([sounds], folder, ignore_progress) == []
    return folder


def test_every_sound_of_a_folder_is_stored_with_its_waveform(sounds: Path, store: Path):
    clips, files = open_clips(store), sorted(sounds.rglob("*.opus"))
    assert (len(clips), sorted(set(clips.sources))) == (len(files), [0, 1])
    for index in (0, len(files) - 1):
        assert np.abs(clips.load_waveform(index) - read_clip(files[index]).waveform).max() <= 1 / 32768


def test_a_tar_gives_the_same_clips_as_the_folder_it_was_made_from(sounds: Path, store: Path, tmp_path: Path):
    for source in sounds.iterdir():
        with tarfile.open(tmp_path / f"{source.name}.tar", "w") as tar:
            tar.add(source, source.name)
    decode([tmp_path], tmp_path, ignore_progress)
    ours, theirs = open_clips(tmp_path), open_clips(store)
    assert np.array_equal(ours.samples, theirs.samples)
    assert np.array_equal(ours.sources, theirs.sources)


def test_audio_is_decoded_once_and_again_after_a_recording_is_added(sounds: Path, tmp_path: Path):
    audio, store = shutil.copytree(sounds, tmp_path / "audio"), tmp_path / "store"
    store.mkdir()
    decode([audio], store, ignore_progress)
    written = (store / "clips.i16").stat().st_ino
    decode([audio], store, ignore_progress)
    assert (store / "clips.i16").stat().st_ino == written
    count = len(open_clips(store))
    shutil.copy(next(audio.rglob("*.opus")), audio / "more.opus")
    decode([audio], store, ignore_progress)
    assert len(open_clips(store)) == count + 1
    assert sorted(path.name for path in store.iterdir()) == ["clips.i16", "clips.npz"]


def test_a_broken_recording_is_rejected_and_named(sounds: Path, tmp_path: Path):
    audio, store = shutil.copytree(sounds, tmp_path / "audio"), tmp_path / "store"
    store.mkdir()
    (audio / "broken.wav").write_bytes(b"no sound at all")
    rejected = decode([audio], store, ignore_progress)
    assert [file.path.name for file in rejected] == ["broken.wav"]
    assert len(open_clips(store)) == len(list(sounds.rglob("*.opus")))


def test_the_error_for_a_folder_without_a_usable_recording_names_the_reason(tmp_path: Path):
    (tmp_path / "broken.wav").write_bytes(b"no sound at all")
    with pytest.raises(DatasetError, match=r"can be used: .*broken\.wav"):
        decode([tmp_path], tmp_path, ignore_progress)


def test_copies_of_a_sound_are_held_out_together(sounds: Path, tmp_path: Path):
    audio, store = shutil.copytree(sounds, tmp_path / "audio"), tmp_path / "store"
    shutil.copytree(sounds, audio / "again")
    store.mkdir()
    decode([audio], store, ignore_progress)
    training, held_out = open_clips(store).split(0.2)
    assert len(held_out) >= 2
    assert not set(training.split_values) & set(held_out.split_values)
    assert all(count == 2 for count in np.unique(held_out.split_values, return_counts=True)[1])


def test_a_split_has_at_least_one_clip_on_each_side(store: Path, tmp_path: Path):
    training, held_out = open_clips(store).split(0.0)
    assert (len(training), len(held_out)) == (len(open_clips(store)) - 1, 1)
    with pytest.raises(DatasetError, match="same sound"):
        held_out.split(0.5)


def test_a_batch_depends_on_its_number_only_and_is_divided_among_processes(store: Path):
    config = RunConfig(batch=4)
    whole = TrainingWindows(config, store, ProcessGroup(0, 1, CPU))
    pairs, classes = whole[7]
    assert torch.equal(pairs, TrainingWindows(config, store, ProcessGroup(0, 1, CPU))[7].pairs)
    assert not torch.equal(pairs, whole[8].pairs)
    for rank in (0, 1):
        half = TrainingWindows(config, store, ProcessGroup(rank, 2, CPU))
        assert torch.equal(half[7].pairs, pairs[rank::2])
    assert pairs.abs().max() <= 1.0001
    assert (classes == UNLABELLED).all()


def test_workers_return_the_batches_in_order(store: Path):
    windows = TrainingWindows(RunConfig(batch=2), store, ProcessGroup(0, 1, CPU))
    for number, batch in zip((3, 4, 5), windows.batches(3, 6), strict=True):
        assert torch.equal(batch.pairs, windows[number].pairs)


def test_held_out_windows_are_the_same_every_time(store: Path):
    config = RunConfig(held_out_windows=3, held_out_share=0.2)
    first, again = make_held_out_windows(config, store), make_held_out_windows(config, store)
    assert {name: tuple(windows.shape) for name, windows in first.items()} == {
        "augmented": (3, 2, 32000),
        "plain": (3, 2, 32000),
    }
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.fixture(scope="module")
def in_rooms(data: Callable[[str], Path], sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decode these sounds and what rooms are made of."""
    folder, recorded = tmp_path_factory.mktemp("rooms"), data("pretrain_more/rooms.tar")
    audio = TrainingAudio([sounds], [sounds / "teeworlds"], [recorded])
    assert audio.decode(folder, RunConfig(room_share=0.5), ignore_progress) == []
    return folder


def test_the_student_processes_windows_in_rooms_and_the_teacher_the_clean_ones(store: Path, in_rooms: Path):
    clean = TrainingWindows(RunConfig(batch=16), store, ProcessGroup(0, 1, CPU))[7].pairs[:, 0]
    pairs = TrainingWindows(RunConfig(batch=16, room_share=0.5), in_rooms, ProcessGroup(0, 1, CPU))[7].pairs
    assert torch.equal(pairs[:, 0], clean)
    changed = (pairs[:, 0] != pairs[:, 1]).any(1)
    assert 0 < changed.sum() < 16
    assert pairs.isfinite().all()
    assert pairs.abs().max() <= 1.0001


def test_held_out_windows_in_rooms_are_measured_too(in_rooms: Path):
    config = RunConfig(held_out_windows=3, held_out_share=0.2, room_share=0.5)
    room = make_held_out_windows(config, in_rooms)["room"]
    assert room.shape == (3, 2, 32000)
    assert (room[:, 0] != room[:, 1]).any(1).all()


def test_a_silent_window_stays_finite_in_every_room(in_rooms: Path):
    rooms = open_rooms(RunConfig(room_share=1.0), open_clips(in_rooms), in_rooms)
    silence = np.zeros(32000, np.float32)
    assert all(np.isfinite(rooms.change(silence, np.random.default_rng(seed))).all() for seed in range(30))


def test_noise_runs_through_the_whole_window(in_rooms: Path):
    rooms = open_rooms(RunConfig(room_share=1.0), open_clips(in_rooms), in_rooms)
    click = np.zeros(32000, np.float32)
    click[16000:16400] = 1.0
    changed = [rooms.change(click, np.random.default_rng(seed)) for seed in range(60)]
    noisy = np.mean([np.abs(window[:8000]).max() > 1e-6 for window in changed])
    assert noisy == pytest.approx(NOISE_SHARE, abs=0.15)


def test_rooms_need_recorded_noise_and_responses(sounds: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="impulse responses are not named"):
        TrainingAudio([sounds]).decode(tmp_path, RunConfig(room_share=0.5), ignore_progress)


@pytest.fixture(scope="module")
def labelled(
    data: Callable[[str], Path], sounds: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunConfig, Path]:
    """Decode these sounds, with their folders as labels, and six synthetic words."""
    if not shutil.which("espeak-ng"):
        pytest.skip("no espeak-ng: apt-get install espeak-ng")
    folder = tmp_path_factory.mktemp("labelled")
    audio = TrainingAudio([sounds], [sounds / "teeworlds"], [data("pretrain_more/rooms.tar")])
    config = RunConfig(batch=24, room_share=0.5, label_share=0.5, words=6, ignored_labels=("teeworlds",))
    assert audio.decode(folder, config, ignore_progress) == []
    return config, folder


def test_half_of_a_batch_holds_sounds_of_known_classes(labelled: tuple[RunConfig, Path]):
    config, folder = labelled
    names = sorted(set(open_clips(folder).labels))
    assert count_classes(config, folder) == 1 + len(names) - 1 + 6  # background, labels without one, words
    windows = TrainingWindows(config, folder, ProcessGroup(0, 1, CPU))
    batches = [windows[number] for number in range(8)]
    assert all((batch.classes[:12] == UNLABELLED).all() for batch in batches)
    classes = torch.cat([batch.classes[12:] for batch in batches])
    assert classes.min() == BACKGROUND
    assert classes.max() < count_classes(config, folder)
    assert len(classes.unique()) > len(names)
    for rank in (0, 1):
        half = TrainingWindows(config, folder, ProcessGroup(rank, 2, CPU))
        assert torch.equal(half[3].classes, batches[3].classes[rank::2])


def test_held_out_windows_are_those_of_a_run_without_labels(labelled: tuple[RunConfig, Path]):
    config, folder = labelled
    few = config.model_copy(update={"batch": 2, "held_out_windows": 5, "held_out_share": 0.2})
    found = make_held_out_windows(few, folder)
    expected = make_held_out_windows(few.model_copy(update={"label_share": 0.0}), folder)
    assert all(torch.equal(found[name], windows) for name, windows in expected.items())


def test_a_synthetic_word_sounds_different_in_every_take(labelled: tuple[RunConfig, Path]):
    words = open_clips(labelled[1] / WORDS)
    assert (len(words), sorted(set(words.labels))) == (6 * TAKES, list("012345"))
    takes = [words.load_waveform(n) for n in range(TAKES)]
    assert len({take.tobytes() for take in takes}) == TAKES
    assert all(0.1 <= len(take) / 16_000 < 3 and np.abs(take).max() > 0.01 for take in takes)


def test_the_labels_of_a_tar_are_in_the_manifest_beside_it(sounds: Path, tmp_path: Path):
    files = sorted((sounds / "kde_ocean").rglob("*.opus"))
    with tarfile.open(tmp_path / "few.tar", "w") as tar:
        for file in files[:3]:
            tar.add(file, file.name)
    rows = [f"few.tar,{files[0].name},bell", f"other.tar,{files[1].name},drum", f"few.tar,{files[2].name},"]
    (tmp_path / "manifest.csv").write_text("\n".join(["tar,member,label", *rows]))
    decode([tmp_path], tmp_path / "store", ignore_progress)
    assert list(open_clips(tmp_path / "store").labels) == ["bell", "", ""]


def test_a_label_is_learnt_from_enough_clips_on_unless_it_is_ignored():
    labels = ["dog"] * 4 + ["cat"] * 3 + ["sfx"] * 9 + [""] * 9 + ["bird"] * 5 + ["owl"]
    config = RunConfig(ignored_labels=("sfx",))
    assert number_labels(labels, config) == {"bird": 1, "dog": 2}
    every = config.model_copy(update={"label_clips": 1})
    assert number_labels(labels, every) == {"bird": 1, "cat": 2, "dog": 3, "owl": 4}


def test_labels_that_no_audio_has_are_refused():
    with pytest.raises(UsageError, match="no label of the audio has 4 clips"):
        number_labels(["dog", "", "cat"], RunConfig())


def test_labels_need_rooms():
    with pytest.raises(ValidationError, match="label_share needs room_share"):
        RunConfig(label_share=0.5)


def test_a_window_has_the_requested_length(store: Path):
    sampler = WindowSampler(open_clips(store), 5000)
    assert sampler.draw(np.random.default_rng(0)).shape == (5000,)


def test_mixing_adds_the_second_sound_at_the_requested_ratio():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal(32000), 7.0 * rng.standard_normal(32000)
    added = mix(one, other, 10.0) - one
    assert 10 * np.log10(np.mean(one**2) / np.mean(added**2)) == pytest.approx(10.0, abs=0.01)
