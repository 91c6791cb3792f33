"""Every environment variable: MASKDROP_ and the field's name in capitals."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from handler.images import ImageLimits
from model.runtime.backends import BackendName
from model.runtime.versions import DEFAULT_MODEL

_LIMITS = ImageLimits()


class Settings(BaseSettings):
    """What a deployment may set."""

    model_config = SettingsConfigDict(env_prefix="MASKDROP_", frozen=True)

    model: Annotated[
        str, Field(description="A model's folder (its highest version is taken), or a version's.")
    ] = DEFAULT_MODEL
    backend: Annotated[
        BackendName, Field(description="What runs the network: litert, or saved_model.")
    ] = "litert"
    threads: Annotated[
        int | None, Field(ge=1, description="Threads of the network; unset, every core.")
    ] = None

    max_image_bytes: Annotated[int, Field(ge=1, description="Largest file accepted, bytes.")] = (
        _LIMITS.max_bytes
    )
    max_image_pixels: Annotated[
        # Above the maximum Pillow itself refuses to open a WebP.
        int, Field(ge=1, le=178_956_970, description="Most pixels accepted.")
    ] = _LIMITS.max_pixels
    max_image_side: Annotated[int, Field(ge=1, description="Longest side accepted, pixels.")] = (
        _LIMITS.max_side
    )

    @property
    def image_limits(self) -> ImageLimits:
        """The limits as `open_photo` takes them."""
        return ImageLimits(
            max_bytes=self.max_image_bytes,
            max_pixels=self.max_image_pixels,
            max_side=self.max_image_side,
        )
