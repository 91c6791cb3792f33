"""Cutting a network: every part runs, and together they do what the whole does."""

from itertools import pairwise

import numpy as np
import pytest
from service import COLOUR_MODEL

from handler.bench.network import Network, Part
from model.runtime.versions import find_model

EMBEDDED = find_model("mask_rcnn_edge") / "model.tflite"


@pytest.fixture(scope="module")
def network():
    return Network(EMBEDDED.read_bytes(), "square")


def test_stages_come_in_order_and_end_with_the_graph(network):
    ends = network.ends
    assert list(ends) == [
        *("normalize", "backbone", "fpn", "proposals", "roi_align", "box_head", "detections")
    ]
    assert sorted(ends.values()) == list(ends.values())


def test_the_work_of_the_stages_is_the_work_of_the_whole(network):
    ends = [0, *network.ends.values()]
    parts = [network.work(*each) for each in pairwise(ends)]
    whole = network.work(0, ends[-1])
    assert sum(each.int8_macs for each in parts) == whole.int8_macs > 1e9
    assert sum(each.operators for each in parts) == whole.operators
    assert sum(each.bytes_moved for each in parts) == whole.bytes_moved


def test_multiplications_are_counted_by_hand(network):
    place, macs = network.heaviest()
    # The widest of the 3 × 3 convolutions of the pyramid's finest level: 96 channels to 96.
    assert macs == 144 * 144 * 96 * 9 * 96
    assert network.work(place, place + 1).int8_macs == macs


@pytest.mark.parametrize("stage", ["backbone", "proposals", "box_head"])
def test_a_cut_graph_runs(network, stage):
    part = Part(network.cut(0, network.ends[stage]), threads=1)
    image = np.random.default_rng(0).integers(0, 255, (1, 576, 576, 3), np.uint8)
    part.fill({"uint8": image, "float32": np.array([[576, 576]], np.float32)})
    part.run()


def test_cutting_leaves_the_network_as_it_is(network):
    before = network.work(0, network.ends["detections"])
    network.cut(3, 9)
    assert network.work(0, network.ends["detections"]) == before


def test_a_network_without_our_scopes_is_one_stage():
    other = Network((COLOUR_MODEL / "model.tflite").read_bytes(), "square")
    assert list(other.ends)[-1] == "detections"
