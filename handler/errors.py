"""What can go wrong with a request, as classes; nothing here knows HTTP.

MaskdropError
├── InvalidRequest           a request that is not as documented
├── MalformedRequest         a request that cannot even be read
├── NoSuchRoute              a path that leads nowhere
├── MethodNotAllowed         a path that has no such method
├── BadImage                 the bytes are not a photograph we accept
│   ├── UnsupportedImage     of no accepted type, by content
│   ├── BrokenImage          truncated or corrupt
│   └── ImageTooLarge        bytes, pixels, side or decoding past the limit
├── BadOptions               an option out of range or unknown
├── BadPrediction            not a predict request as TensorFlow Serving takes them
├── BadKey                   a key that the service does not read
├── BadEvent                 not an event as S3, SQS or Google Cloud sends them
├── ResultNotFound           no detection of that id
│   └── DetectionCancelled   it was deleted while it ran
├── DetectionInterrupted     the process ended while it detected
├── DeletionRefused          a deletion without the uploader's secret
├── InboxClosed              an object under inbox/, which this API keeps from its callers
├── RequestTooLarge          a body past the limit
├── AnswerTooLarge           an answer past what the platform passes on
├── Overloaded               no room for more work now
├── CallerGone               nobody waits for the answer any more
├── RequestTimeout           a body that comes too slowly
├── WrongHost                a name that this service does not have
├── NotForYou                something that is not open to everybody
├── NotReady                 the model is still loading, or cannot be used
├── QueueUnavailable         the queue did not take a job, or there is none
├── AddressRefused           an address that Maskdrop sends nothing to and fetches nothing from
├── HostUnavailable          a host that the owner named, which does not answer
└── StorageError             the bucket did not do what was asked
    ├── ObjectNotFound       no such object, or no such version of it
    ├── ObjectTooLarge       bytes past what the caller allows
    ├── PreconditionFailed   somebody else wrote the key first
    ├── ObjectChanged        the object is no longer the one that was named
    ├── AccessDenied         the bucket refuses us
    └── StorageUnavailable   no answer, or an answer that says try later
"""

import re


class MaskdropError(Exception):
    """Base of every error the service raises on purpose; the message is for people."""


class InvalidRequest(MaskdropError):
    """A request that is not as documented."""


class MalformedRequest(MaskdropError):
    """A request that cannot even be read."""


class NoSuchRoute(MaskdropError):
    """A path that leads nowhere."""


class MethodNotAllowed(MaskdropError):
    """A path that has no such method."""


class BadImage(MaskdropError):
    """The bytes are not a photograph that Maskdrop accepts."""


class UnsupportedImage(BadImage):
    """Of no accepted type, by content."""


class BrokenImage(BadImage):
    """Truncated or corrupt."""


class ImageTooLarge(BadImage):
    """Bytes, pixels, a side, or what decoding takes: past the limit."""


class BadOptions(MaskdropError):
    """An option out of range or unknown."""


class BadPrediction(MaskdropError):
    """Not a predict request as TensorFlow Serving takes them."""


class BadKey(MaskdropError):
    """A key that the service does not read, or that no object can have."""


class BadEvent(MaskdropError):
    """Not an event as S3, SQS or Google Cloud sends them."""


class ResultNotFound(MaskdropError):
    """No detection of that id, neither under way nor done."""


class DeletionRefused(MaskdropError):
    """A deletion without the secret that its uploader was given."""


class InboxClosed(MaskdropError):
    """An object under inbox/: the owner's, unless MASKDROP_OPEN_INBOX says otherwise."""


class DetectionCancelled(ResultNotFound):
    """A detection was deleted while it ran, so nothing of it may stay."""


class DetectionInterrupted(MaskdropError):
    """The process that detected ended before it could say why: no memory, or no time."""


class RequestTooLarge(MaskdropError):
    """A request's body is past the limit."""


class AnswerTooLarge(MaskdropError):
    """An answer is past what the platform passes on."""


class Overloaded(MaskdropError):
    """As much work is under way and waiting as may be, or the instance is shutting down."""


class CallerGone(MaskdropError):
    """The client closed the connection before its answer was ready."""


class RequestTimeout(MaskdropError):
    """A request's body comes too slowly."""


class WrongHost(MaskdropError):
    """A request that names another host: a browser that was led here by another site."""


class NotForYou(MaskdropError):
    """A request for something that is not open to everybody."""


class NotReady(MaskdropError):
    """The model is still loading, or cannot be used."""


class QueueUnavailable(MaskdropError):
    """The queue did not take a job, or none is set up."""


class AddressRefused(MaskdropError):
    """An address that Maskdrop sends nothing to and fetches nothing from."""


class HostUnavailable(MaskdropError):
    """A host that the owner named does not answer, or not as expected."""


class StorageError(MaskdropError):
    """The bucket did not do what was asked; the message names bucket and key, never a link."""


class ObjectNotFound(StorageError):
    """No such object, or no such version of it."""


class ObjectTooLarge(StorageError):
    """An object has more bytes than the caller allows."""


class PreconditionFailed(StorageError):
    """A conditional write lost: somebody else wrote the key first."""


class ObjectChanged(StorageError):
    """The object is no longer the one that was named."""


class AccessDenied(StorageError):
    """The bucket refuses us."""


class StorageUnavailable(StorageError):
    """The store gave no answer, or asked to try later."""


def problem_type(kind: type[Exception]) -> str:
    """The stable name of an error's class, as problems and failed manifests give it."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__)
    return f"urn:maskdrop:problem:{words.lower()}"
