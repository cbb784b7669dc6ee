"""Enrolment of changing files, many classes and other sample rates."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from device_runtime.data.dataset import Dataset
from device_runtime.data.dataset_builder import DatasetBuilder
from device_runtime.data.ingest import IngestResult, ingest_recordings
from device_runtime.data.token_buffer import TokenBuffer
from device_runtime.data.token_cache import TokenCache
from device_runtime.data.token_extractor import TokenExtractor
from device_runtime.model.runtime import Runtime
from device_runtime.system.progress import ignore_progress
from device_runtime.system.timing import Stopwatch
from device_runtime.training.engines.factory import list_engines
from edgecl.dataset_folder import scan_labelled_folder
from edgecl.errors import DatasetError
from tests.altered_bundle import make_altered_bundle, read_description
from tests.device.conftest import Edgecl
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


def open_extractor(bundle: Path, cache: Path, threads: int) -> TokenExtractor:
    runtime = Runtime.open(bundle, threads)
    tokens = TokenCache(cache, runtime.bundle.fingerprint, runtime.window_samples, 1 << 30)
    return TokenExtractor(runtime, tokens, ignore_progress, Stopwatch("backbone"))


@pytest.fixture(params=[1, 3])
def extractor(bundle: Path, tmp_path: Path, request: pytest.FixtureRequest) -> TokenExtractor:
    """An extractor with one thread, and one with three."""
    return open_extractor(bundle, tmp_path / "cache", request.param)


def sounds(folder: Path, count: int) -> Path:
    """Write doorbell/ and timer/ with a number of recordings each."""
    for label in ("doorbell", "timer"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            soundfile.write(folder / label / f"{number}.wav", make_clip(label, number), RATE_HZ)
    return folder


def extract(extractor: TokenExtractor, ingest: IngestResult) -> tuple[IngestResult, Dataset]:
    with TokenBuffer(extractor.cache.folder) as buffer:
        builder = DatasetBuilder(buffer)
        ingest = extractor.extract(ingest, "enrolled", "_negative", builder)
        return ingest, builder.build(ingest.labels)


def test_a_recording_that_changes_after_it_was_checked_is_rejected_and_its_tokens_are_not_kept(
    extractor: TokenExtractor, tmp_path: Path
) -> None:
    checked = ingest_recordings(
        scan_labelled_folder(sounds(tmp_path / "sounds", 3)), RATE_HZ, ignore_progress
    )
    changing = checked.recordings[1]
    soundfile.write(changing.path, make_clip("knock", 0), RATE_HZ)
    ingest, dataset = extract(extractor, checked)
    assert changing in checked.recordings
    assert changing not in ingest.recordings
    assert "changed while it was being read" in ingest.rejected[0].reason
    assert set(dataset.recordings) == {0, 1, 2, 3, 4}
    assert extractor.cache.get(changing.sha256) is None


def test_any_number_of_threads_gives_the_same_tokens_in_the_same_order(bundle: Path, tmp_path: Path) -> None:
    found = scan_labelled_folder(sounds(tmp_path / "sounds", 4))
    checked = ingest_recordings(found, RATE_HZ, ignore_progress)
    one, several = (open_extractor(bundle, tmp_path / f"cache-{threads}", threads) for threads in (1, 3))
    _, expected = extract(one, checked)
    cached = checked.recordings[2]
    several.cache.put(cached.sha256, one.cache.get(cached.sha256))
    _, dataset = extract(several, checked)
    assert several.from_cache == 1
    assert dataset.tokens.tobytes() == expected.tokens.tobytes()
    assert dataset.labels.tolist() == expected.labels.tolist()
    assert dataset.recordings.tolist() == expected.recordings.tolist()
    for recording in checked.recordings:
        kept = several.cache.get(recording.sha256)
        assert kept.tobytes() == one.cache.get(recording.sha256).tobytes()


def test_the_same_bytes_in_two_classes_belong_to_neither(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "sounds", 4)
    data = (folder / "doorbell" / "0.wav").read_bytes()
    for copy in ("a-copy.wav", "another-copy.wav"):
        (folder / "timer" / copy).write_bytes(data)
    ingest = ingest_recordings(scan_labelled_folder(folder), RATE_HZ, ignore_progress)
    assert [one.path.name for one in ingest.recordings if one.label == "doorbell"] == [
        "1.wav",
        "2.wav",
        "3.wav",
    ]
    assert len(ingest.recordings) == 7
    assert {one.file.path.relative_to(folder).as_posix() for one in ingest.rejections} == {
        "doorbell/0.wav",
        "timer/a-copy.wav",
        "timer/another-copy.wav",
    }
    for one in ingest.rejections:
        assert one.file.reason.endswith("in another class")
        assert one.file.hint == "it counts for neither: keep it in 'doorbell' or in 'timer', not in both"


def test_too_many_changes_leave_too_few_recordings_to_train_on(
    extractor: TokenExtractor, tmp_path: Path
) -> None:
    ingest = ingest_recordings(scan_labelled_folder(sounds(tmp_path / "sounds", 2)), RATE_HZ, ignore_progress)
    ingest.recordings[3].path.unlink()
    with pytest.raises(DatasetError, match="class 'timer' needs 2 usable recordings and has 1"):
        extract(extractor, ingest)


@pytest.mark.skipif("ort-training" not in list_engines(), reason="needs the training wheel")
def test_too_many_classes_for_an_engine_are_refused_before_anything_is_read(
    edgecl: Edgecl, bundle: Path, tmp_path: Path
) -> None:
    most = read_description(bundle).max_classes
    for number in range(2 * most + 2):
        (tmp_path / "many" / f"{number // 2}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / f"{number // 2}" / f"{number}.wav").write_bytes(b"never read")
    result = edgecl("enroll", "many", tmp_path / "many", "--engine", "ort-training")
    assert result.code == 1
    assert f"this task has {most + 1} classes" in result.err
    assert "--engine portable" in result.err


def test_a_backbone_of_another_sample_rate_gets_that_rate(
    edgecl: Edgecl, bundle: Path, tmp_path: Path
) -> None:
    front_end = read_description(bundle).front_end.model_copy(update={"sample_rate_hz": 8000})
    slow = make_altered_bundle(bundle, tmp_path / "slow", front_end=front_end)
    folder = sounds(tmp_path / "sounds", 2)
    assert edgecl("enroll", "slow", folder, "--bundle", slow).code == 0
    soundfile.write(tmp_path / "four.wav", np.tile(make_clip("timer", 9)[:RATE_HZ], 4), RATE_HZ)
    (file,) = edgecl("predict", tmp_path / "four.wav", "--bundle", slow, "--json").json["files"]
    assert file["duration_s"] == pytest.approx(4.0, abs=0.01)
    assert len(file["scores"]) == 1  # 32000 samples are four seconds at this rate: one window
    assert edgecl("evaluate", "slow", folder, "--bundle", slow, "--json").code == 0
