"""A progress bar in a terminal or a notebook, where tqdm is installed."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from .history import History


def progress_bar(total: int, wanted: bool = True) -> Any:
    """tqdm's bar for that many iterations; None where it is not wanted or not installed.

    It shows nothing where the output goes to a file.
    """
    if not wanted:
        return None
    notebook = "ipykernel" in sys.modules
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm says so when a notebook lacks ipywidgets
            from tqdm.auto import tqdm

            return tqdm(total=total, unit="it", disable=False if notebook else None)
    except ImportError:
        return None


def title(epoch: int, epochs: int, history: History) -> str:
    """How far the training is, in a line."""
    text = f"epoch {epoch}/{epochs} loss {history.loss[-1]:.4g}"
    if history.validation_loss:
        text += f" validation {history.validation_loss[-1]:.4g}"
    return text
