"""What may be changed while the daemon runs."""

from pathlib import Path

import numpy as np
import soundfile

from device_runtime.daemon.controls import Controls, SwitchableSource
from device_runtime.daemon.sources.file import FileSource
from edgecl.config.schema import Config

CONFIG = Config.model_validate({"tasks": {"alarms": {"refractory_s": 9.0, "thresholds": {"timer": 0.5}}}})


def test_switched_off_a_source_is_read_but_not_heard(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.wav", np.full(60 * 16_000, 0.1), 16_000)
    controls = Controls(CONFIG.get_rule)
    source = SwitchableSource(FileSource(tmp_path / "sound.wav", fast=True), controls)
    first = source.read(1)
    controls.listening = False
    withheld = source.read(1)
    controls.listening = True
    last = source.read(1)
    source.close()
    assert withheld.waveform.size == 0
    assert first.next_frame < last.first_frame == withheld.next_frame


def test_a_threshold_counts_at_once_and_the_others_stay() -> None:
    controls = Controls(CONFIG.get_rule)
    rule = controls.rule_of("alarms")
    controls.set_threshold("alarms", "doorbell", 0.2)
    assert rule.thresholds == {"timer": 0.5, "doorbell": 0.2}
    assert rule.refractory_s == 9
    assert controls.rule_of("kitchen").thresholds == {}
    assert CONFIG.get_rule("alarms").thresholds == {"timer": 0.5}
