"""How replies are drawn so that they have what the person's have as often: calibration.safetensors. Knows no network.

A network that learned from little text, and is drawn with guidance, says some tokens more often than the person does, and
makes up words. What training counted of it (training/evaluation/calibrate.py) is in its checkpoint's folder and its manifest.
"""

from dataclasses import dataclass

import numpy as np

from model.words import WordSet

CALIBRATION = "calibration.safetensors"


@dataclass(frozen=True)
class Calibration:
    """What is added to logits while drawing, `bias_V`, and which words a reply may make up.

    `words` are those that the person or the base's text has. Of other words in replies, the share `keep_unknown` stays as it
    was drawn; in place of the rest others are drawn.
    """

    bias_V: np.ndarray
    words: WordSet
    keep_unknown: float

    def arrays(self) -> dict[str, np.ndarray]:
        """Itself as arrays by name, for its file."""
        words = np.frombuffer(self.words.encoded(), np.uint8)
        return {"bias": self.bias_V, "words": words, "keep_unknown": np.asarray([self.keep_unknown])}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Calibration":
        """What `arrays` gave; raises KeyError where it is something else."""
        return cls(arrays["bias"], WordSet.decoded(arrays["words"].tobytes()), float(arrays["keep_unknown"][0]))
