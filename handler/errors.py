"""What can go wrong with a request, as classes; nothing here knows HTTP.

MaskdropError
└── BadImage                 the bytes are not a photograph we accept
    ├── UnsupportedImage     not JPEG, PNG or WebP by content
    ├── BrokenImage          truncated or corrupt
    └── ImageTooLarge        bytes, pixels, side or aspect past the limit
BadOptions                   (a MaskdropError) an option out of range or unknown
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
