"""How far a photograph is zoomed out and in, unless a recipe says otherwise."""

from __future__ import annotations

# Factors of the scale at which a photograph fits the long side.
ZOOMS = (0.5, 1.6)
