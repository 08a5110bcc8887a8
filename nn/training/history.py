"""History: what happened in a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """The losses of a run, an entry for each epoch.

    An epoch is one pass over all samples, an iteration one update of the parameters. `stopped` is
    "finished", "early" (no more progress), "callback" or "interrupted" (Ctrl-C).
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    iterations: int = 0
    stopped: str = "finished"
    best_epoch: int = 0

    @property
    def epochs(self) -> int:
        """How many passes over the data were completed."""
        return len(self.loss)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses against the epochs, with matplotlib, and answer the axes."""
        from ..plotting import plot_history

        return plot_history(self, ax)

    def __str__(self) -> str:
        if not self.loss:
            return f"{self.stopped} before the first epoch was complete"
        text = f"{self.stopped}: {self.epochs} epochs, {self.iterations} iterations"
        text += f", loss {self.loss[0]:.4g} → {self.loss[-1]:.4g}"
        if self.validation_loss:
            text += f", validation {self.validation_loss[0]:.4g} → {self.validation_loss[-1]:.4g}"
        return text
