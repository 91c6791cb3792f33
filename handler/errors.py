"""What can go wrong with a request, as classes; nothing here knows HTTP.

MaskdropError
├── BadImage                 the bytes are not a photograph we accept
│   ├── UnsupportedImage     not JPEG, PNG or WebP by content
│   ├── BrokenImage          truncated or corrupt
│   └── ImageTooLarge        bytes, pixels, side or aspect past the limit
├── BadOptions               an option out of range or unknown
├── BadKey                   a key that the service does not read
├── ResultNotFound           no detection of that id
├── RequestTooLarge          a body past the limit
├── AnswerTooLarge           an answer past what the platform passes on
├── NotReady                 the model is still loading
├── QueueUnavailable         the queue did not take a job, or there is none
└── StorageError             the bucket did not do what was asked
    ├── ObjectNotFound       no such object, or no such version of it
    ├── ObjectTooLarge       bytes past what the caller allows
    ├── PreconditionFailed   somebody else wrote the key first
    ├── AccessDenied         the bucket refuses us
    └── StorageUnavailable   no answer, or an answer that says try later
"""


class MaskdropError(Exception):
    """Base of every error the service raises on purpose; the message is for people."""


class BadImage(MaskdropError):
    """The bytes are not a photograph that Maskdrop accepts."""


class UnsupportedImage(BadImage):
    """Not JPEG, PNG or WebP by content."""


class BrokenImage(BadImage):
    """Truncated or corrupt."""


class ImageTooLarge(BadImage):
    """Bytes, pixels or a side past the limit."""


class BadOptions(MaskdropError):
    """An option out of range or unknown."""


class BadKey(MaskdropError):
    """A key that the service does not read, or that no object can have."""


class ResultNotFound(MaskdropError):
    """No detection of that id, neither under way nor done."""


class RequestTooLarge(MaskdropError):
    """A request's body is past the limit."""


class AnswerTooLarge(MaskdropError):
    """An answer is past what the platform passes on."""


class NotReady(MaskdropError):
    """The model is still loading."""


class QueueUnavailable(MaskdropError):
    """The queue did not take a job, or none is set up."""


class StorageError(MaskdropError):
    """The bucket did not do what was asked; the message names bucket and key, never a link."""


class ObjectNotFound(StorageError):
    """No such object, or no such version of it."""


class ObjectTooLarge(StorageError):
    """An object has more bytes than the caller allows."""


class PreconditionFailed(StorageError):
    """A conditional write lost: somebody else wrote the key first."""


class AccessDenied(StorageError):
    """The bucket refuses us."""


class StorageUnavailable(StorageError):
    """The store gave no answer, or asked to try later."""
