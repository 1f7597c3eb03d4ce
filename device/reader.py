"""DigitReader: a frame -> the digits in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.card import CARD_FILE, ModelCard, check_fit, check_model, find_model
from device.decode import decode_digits
from device.errors import DeviceError
from device.finder import Candidate, find_digits, find_in_close_up
from device.frame import Frame
from device.interpreter import load
from device.libraries import require_cv2
from device.preprocess import fit_digit, quantize_input, to_gray
from device.results import Digit


class DigitReader:
    """Finds and reads the digits of a frame; built once.

    Args:
        model: a released model's name, or the path of a model folder, its card.json or its .tflite.
        backend: "auto", "litert", "tflite-runtime" or "c".
        min_confidence: 0 to 1; less sure readings are left out.
        ink: "dark" on light paper or "light" on a dark board.
        c_project: the folder with the model's exported C, for the backend "c"; default: a folder beside the model.

    Attributes:
        files: the model and its card.

    Raises:
        DeviceError: no such model, model and card that do not fit, or one that does not read digits from boxes.
    """

    def __init__(
        self,
        model: str | Path = "digits",
        backend: str = "auto",
        min_confidence: float = 0.5,
        ink: str = "dark",
        c_project: str | Path | None = None,
    ) -> None:
        require_cv2()
        folder = find_model(model)
        self.card = ModelCard.load(folder)
        self.files = (folder / CARD_FILE, folder / self.card.model)
        check_model(self.card, folder / self.card.model)
        self.interpreter = load(folder / self.card.model, backend, c_project)
        check_fit(self.card, self.interpreter.input, self.interpreter.output, str(folder / CARD_FILE))
        if self.card.preprocessing.name != "digit-box" or self.card.input.color != "gray":
            raise DeviceError(
                f"{folder / CARD_FILE}: preprocessing is {self.card.preprocessing.name} in {self.card.input.color}, "
                "reading digits from frames needs digit-box in gray."
            )
        self.min_confidence, self.ink = min_confidence, ink

    def read(self, frame: Frame) -> list[Digit]:
        """The digits that lie wholly in a frame."""
        candidates = self._find(to_gray(frame.image), frame.still)
        if not candidates:
            return []
        side = self.card.input.shape[1]
        pixels = np.stack([fit_digit(candidate.ink, side, side * 20 // 28) for candidate in candidates])
        output_q = self.interpreter.run(quantize_input(pixels, self.card)[..., None])
        return decode_digits(output_q, [found.box_xyxy for found in candidates], self.card, self.min_confidence)

    def _find(self, gray: NDArray[np.uint8], still: bool) -> list[Candidate]:
        """What may be digits: of a picture (not of a film, where dirt on an empty desk could be one) close-ups too.

        A digit has two holes at most; a close-up with more in it is a page.
        """
        found = find_digits(gray, self.ink)
        close_up = find_in_close_up(gray) if still else []
        return close_up if len(found) <= 2 * len(close_up) else found
