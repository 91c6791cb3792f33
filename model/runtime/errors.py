"""What can go wrong with a model, as classes.

ModelError
├── ModelNotFound       no such folder, name or version
├── ManifestError       manifest missing, unreadable, or contradicting the files
├── DigestMismatch      a file is not the one its manifest names
├── GoldenMismatch      the golden image is no longer detected as recorded
├── CheckpointError     a .pth file that is broken, or would run code
├── WeightsMismatch     missing, unexpected or misshapen parameters
├── FetchError          a published file could not be downloaded whole
├── SlimmingError       a model cannot be made smaller in the way asked for
├── DataError           annotations or photographs that cannot be used
├── ExportError         an export that is not what it was made from
├── TrainingError       training that cannot begin or go on
├── NoRoom              no place on this machine to put a model
└── ServerError         a model server that does not answer, or refuses
"""


class ModelError(Exception):
    """Base of every error this package raises on purpose; the message is for people."""


class ModelNotFound(ModelError):
    """No such model folder, name or version."""


class ManifestError(ModelError):
    """The manifest is missing, unreadable, or contradicts the files beside it."""


class DigestMismatch(ModelError):
    """A file's SHA-256 is not the one its manifest names."""


class GoldenMismatch(ModelError):
    """The golden image is no longer detected as the manifest records."""


class CheckpointError(ModelError):
    """A .pth file is broken, of an unknown format, or would run code when read."""


class WeightsMismatch(ModelError):
    """A checkpoint's parameters are not those of the preset."""


class FetchError(ModelError):
    """A published file could not be downloaded whole."""


class SlimmingError(ModelError):
    """A model cannot be made smaller in the way that was asked for."""


class DataError(ModelError):
    """Annotations, or the photographs that they name, cannot be used."""


class ExportError(ModelError):
    """An exported artifact is not what it was made from."""


class TrainingError(ModelError):
    """Training cannot begin or go on; what was saved is safe."""


class NoRoom(ModelError):
    """No place on this machine where a model could be put."""


class ServerError(ModelError):
    """A model server does not answer, refuses, or answers what cannot be read."""
