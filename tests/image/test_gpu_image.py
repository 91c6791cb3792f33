"""The image of graphics cards, on a machine that has none: TensorFlow then takes the CPU."""

import json

from containers import container, fetch, form, free_port, podman, wait_until_ready

IMAGE = "localhost/maskdrop-test:gpu"


def test_the_saved_model_gets_ready_and_detects(environment, cat, report):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with container(IMAGE, memory_mb=4096, environment=environment | {"PORT": str(port)}) as running:
        wait_until_ready(url)
        found = json.loads(fetch(f"{url}/api/detect", *form(cat)))
        assert found["class_names"][0] == "cat"
        assert "libtensorflow" in podman("exec", running.name, "cat", "/proc/1/maps")
        report(f"gpu, on processors: peak {running.peak_mb():.0f} MiB")
        assert running.stop(within_s=20) == 0
