"""The names of COCO's classes, by COCO's ids.

As torchvision's COCO models number them: 0 is the background, and the ten ids that
COCO gave up before publishing are "N/A". 80 classes remain.
"""

from __future__ import annotations

# Ten ids a line.
_NAMES = """
__background__, person, bicycle, car, motorcycle, airplane, bus, train, truck, boat
traffic light, fire hydrant, N/A, stop sign, parking meter, bench, bird, cat, dog, horse
sheep, cow, elephant, bear, zebra, giraffe, N/A, backpack, umbrella, N/A
N/A, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat
baseball glove, skateboard, surfboard, tennis racket, bottle, N/A, wine glass, cup, fork, knife
spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza
donut, cake, chair, couch, potted plant, bed, N/A, dining table, N/A, N/A
toilet, N/A, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven
toaster, sink, refrigerator, N/A, book, clock, vase, scissors, teddy bear, hair drier
toothbrush
"""

COCO_CLASSES = tuple(name for line in _NAMES.split("\n") if line for name in line.split(", "))
