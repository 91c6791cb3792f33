"""What can end a run on the way, in words."""

from __future__ import annotations

import torch

from model.runtime.errors import DataError
from model.training.batches import UnreadablePhotograph


def explain(error: Exception) -> str | None:
    """Say what went wrong and what helps; None for what only a developer can use."""
    match error:
        case UnreadablePhotograph():
            return f"{error} Put it right, or take it out of the COCO file."
        case DataError():
            return str(error)
        case FloatingPointError():
            return f"{error} A lower --lr may help, or to leave these photographs out."
        case torch.OutOfMemoryError():
            return "The graphics card's memory is full. A smaller --batch or --sides helps."
        case OSError():
            return f"{error.filename or 'A file'}: {error.strerror or error}."
        # Raised at any line when a loading process dies; PyTorch has no class for it.
        case RuntimeError() if "DataLoader worker" in str(error):
            return "A process that reads photographs was ended, perhaps for want of memory."
    return None
