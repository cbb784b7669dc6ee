"""The answers of one task to the windows of a stream, and what a detection rule makes of them."""

from dataclasses import dataclass

import numpy as np

from device_runtime.recognition.stream import HOP_S
from edgecl.arrays import Doubles
from edgecl.detection import Detection, DetectionChange, DetectionRule, EventDetector, WindowScore

DEFAULT_RULE = DetectionRule()


@dataclass(frozen=True)
class Track:
    """What one task answers to every window of a stream."""

    start_s: Doubles  # [W]
    end_s: Doubles  # [W]
    labels: list[str]  # [W]
    margins: Doubles  # [W]
    thresholds: Doubles  # [W]

    def detect(self, offset: float = 0.0, rule: DetectionRule = DEFAULT_RULE) -> list[Detection]:
        """Return what a rule detects with thresholds shifted by an offset.

        Windows that follow `rule.of` windows without a match find an idle detector and are passed over.
        """
        detector, changes = EventDetector(HOP_S, rule), list[DetectionChange]()
        thresholds = self.thresholds + offset
        matches = self.margins >= thresholds - rule.hysteresis
        for n in np.flatnonzero(np.convolve(matches, np.ones(rule.of + 1))[: len(matches)]):
            times_s = float(self.start_s[n]), float(self.end_s[n])
            margin, threshold = float(self.margins[n]), float(thresholds[n])
            changes += detector.step(WindowScore(*times_s, self.labels[n], 0.0, margin, threshold, 0.0))
        changes += detector.finish()
        return [change.detection for change in changes if change.phase == "end"]
