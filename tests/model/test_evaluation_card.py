"""The model card shows the scores of the newest embedded version, as its manifest has them."""

from pathlib import Path

from model.evaluation.card import BEGIN, END, score_block
from model.runtime.manifest import ModelManifest
from model.runtime.versions import DEFAULT_MODEL, ZOO, latest_version

CARD = Path(__file__).parents[2] / "docs" / "model-card.md"


def test_card_shows_the_newest_versions_scores() -> None:
    newest = ModelManifest.load(latest_version(ZOO / DEFAULT_MODEL))
    block = CARD.read_text().partition(f"{BEGIN}\n")[2].partition(END)[0]
    assert block == score_block(newest)
