"""What the clouds charge for computing and for what goes around it, in US dollars.

Public on-demand prices without free tiers, discounts and taxes. They change, and differ between
regions: MASKDROP_PRICES puts others in their place. The Cloud Run prices are those of services that
are billed by request; with a GPU, Google bills the instance, which is other rates and no request.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Platform = Literal["lambda-x86_64", "lambda-arm64", "cloud-run", "cloud-run-gpu"]

AS_OF = "2026-11-22"
_AWS = f"public prices of us-east-1 as known on {AS_OF}, aws.amazon.com/lambda/pricing"
_GOOGLE = f"public prices of us-central1 as known on {AS_OF}, cloud.google.com/run/pricing"

_Dollars = Annotated[float, Field(ge=0)]


class Rates(BaseModel):
    """One platform's prices; time is rounded up to whole `step_ms`.

    A GiB is what AWS calls a GB of memory: 1,024 MB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    vcpu_second: _Dollars = 0
    gib_second: _Dollars = 0
    gpu_second: _Dollars = 0
    request: _Dollars = 0
    step_ms: Annotated[int, Field(ge=1)] = 1
    source: str = "MASKDROP_PRICES"


PUBLISHED: dict[Platform, Rates] = {
    "lambda-x86_64": Rates(gib_second=0.0000166667, request=0.20e-6, source=_AWS),
    "lambda-arm64": Rates(gib_second=0.0000133334, request=0.20e-6, source=_AWS),
    "cloud-run": Rates(
        vcpu_second=0.000024, gib_second=0.0000025, request=0.40e-6, step_ms=100, source=_GOOGLE
    ),
    # An L4 without zonal redundancy.
    "cloud-run-gpu": Rates(
        vcpu_second=0.000018,
        gib_second=0.000002,
        gpu_second=0.0001867,
        step_ms=100,
        source=_GOOGLE,
    ),
}

# What the same machines cost when they are always there: AWS Fargate, and Cloud Run's instances.
_FARGATE = f"public prices of us-east-1 as known on {AS_OF}, aws.amazon.com/fargate/pricing"
ALWAYS_ON: dict[Platform, Rates] = {
    "lambda-x86_64": Rates(vcpu_second=0.04048 / 3600, gib_second=0.004445 / 3600, source=_FARGATE),
    "cloud-run": Rates(vcpu_second=0.000018, gib_second=0.000002, source=_GOOGLE),
}

# Requests to a bucket, the same on S3 Standard in us-east-1 and on Cloud Storage in us-central1.
PUT = 0.005 / 1000
GET = 0.0004 / 1000
