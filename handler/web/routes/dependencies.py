"""What routes ask of the application."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from handler.wiring import Services


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]
