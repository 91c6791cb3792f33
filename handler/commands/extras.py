"""Which extra brings a package that serving does not need, and how it is installed."""

from __future__ import annotations

# Package, by the name it is imported under -> extra of pyproject.toml.
_EXTRAS = {
    "tensorflow": "model",
    "ai_edge_quantizer": "model",
    "matplotlib": "model",
    "pycocotools": "model",
    "torch": "train",
    "torchvision": "train",
    "aws_lambda_powertools": "aws",
    "boto3": "local",
    "botocore": "local",
    "fastapi": "local",
    "fastapi_offline": "local",
    "grpc": "tfserving",
    "httpx2": "client",
    "mangum": "aws",
    "moto": "local",
    "prometheus_client": "server",
    "starlette": "local",
    "uvicorn": "local",
    "yaml": "model",
}


def how_to_install(package: str | None) -> str | None:
    """Say which extra brings `package`, from a clone and from a wheel; None for one of no extra.

    Maskdrop is on no index, so `pip install 'maskdrop[local]'` would not find it.
    """
    extra = _EXTRAS.get((package or "").partition(".")[0])
    if extra is None:
        return None
    return (
        f"{package} is not installed; it comes with the extra {extra!r}. In a clone: "
        f"pip install -e '.[{extra}]'. With a wheel file: pip install 'maskdrop-….whl[{extra}]'."
    )
