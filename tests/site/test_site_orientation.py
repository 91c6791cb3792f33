"""The page's cut-outs are the service's, however the photograph was stored.

Every orientation × JPEG, PNG, WebP × square, landscape, portrait, below and above the size from
which the page and the service decode at a reduced scale. `make test-site-orientations` runs all
of the large ones, for 9 minutes; the default run takes one of each type.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from orientations import KINDS, LARGE, SHAPES, compare
from site_stack import SiteStack

ALL = bool(os.environ.get("MASKDROP_ALL_ORIENTATIONS"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_small_photographs_are_cut_out_as_by_the_service(
    page: Any, site: SiteStack, kind: str, shape: str
) -> None:
    for orientation in range(1, 9):
        compare(page, site, kind, SHAPES[shape], orientation)


@pytest.mark.parametrize(
    ("kind", "shape"), [("JPEG", "landscape"), ("PNG", "portrait"), ("WebP", "landscape")]
)
def test_large_photographs_are_cut_out_as_by_the_service(
    page: Any, site: SiteStack, kind: str, shape: str
) -> None:
    compare(page, site, kind, LARGE[shape], 6 if kind != "WebP" else 3)


@pytest.mark.skipif(not ALL, reason="minutes: make test-site-orientations runs it")
@pytest.mark.parametrize("shape", LARGE)
@pytest.mark.parametrize("kind", KINDS)
def test_all_large_photographs_are_cut_out_as_by_the_service(
    page: Any, site: SiteStack, kind: str, shape: str
) -> None:
    for orientation in range(1, 9):
        compare(page, site, kind, LARGE[shape], orientation)
