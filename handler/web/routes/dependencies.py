"""What routes ask of the application."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from handler.detection.admission import Caller
from handler.wiring import Services


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["maskdrop.caller"]
    return caller


ServicesOf = Annotated[Services, Depends(_services)]
CallerOf = Annotated[Caller, Depends(_caller)]
