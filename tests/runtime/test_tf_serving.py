"""A server that speaks TensorFlow Serving's own protocol buffers, and one with its REST API.

Behind both is the colour model on LiteRT, as `preprocessed` of its SavedModel would answer.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import grpc
import numpy as np
import pytest
from painting import painted
from tf_serving_server import make_network, rest_server

from model.runtime.backends import load_backend
from model.runtime.errors import ManifestError, ServerError
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor

PICTURE = painted(128, 96, red=(10, 20, 50, 80), green=(70, 30, 120, 80))


@pytest.fixture(scope="module")
def network(colour_model):
    return make_network(colour_model)


@contextmanager
def grpc_server(network, as_bytes):
    """PredictionService with the package's own messages; `as_bytes`: or as typed lists."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802
            spec = request.model_spec
            if (spec.name, spec.version.value) != ("colour", 1):
                context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {spec.name}")
            assert spec.signature_name == "preprocessed"
            inputs = {name: tf.make_ndarray(each) for name, each in request.inputs.items()}
            outputs = network(**inputs)
            return predict_pb2.PredictResponse(
                outputs={name: proto(values) for name, values in outputs.items()}
            )

    def proto(values):
        if as_bytes:
            return tf.make_tensor_proto(values)
        tensor = tf.make_tensor_proto(np.zeros(0, values.dtype), shape=(0,))
        tensor.tensor_shape.CopyFrom(tf.TensorShape(values.shape).as_proto())
        field = tensor.float_val if values.dtype == np.float32 else tensor.int_val
        field.extend(values.ravel().tolist())
        return tensor

    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}"
    server.stop(None)


SERVERS = {
    "grpc, bytes": lambda network: grpc_server(network, as_bytes=True),
    "grpc, lists": lambda network: grpc_server(network, as_bytes=False),
    "rest": rest_server,
}


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS.keys())
def url(request, network):
    with request.param(network) as url:
        yield url


def test_server_finds_what_the_network_finds_here(colour_model, url):
    there = Predictor.load(colour_model, "tfserving", server=url).predict(PICTURE, (128, 96))
    here = Predictor.load(colour_model).predict(PICTURE, (128, 96))
    assert there.class_names == here.class_names == ("person", "cat")
    np.testing.assert_array_equal(there.boxes, here.boxes)
    np.testing.assert_allclose(there.scores, here.scores, rtol=1e-6)
    np.testing.assert_array_equal(there.raw_masks, here.raw_masks)


def test_server_has_to_detect_the_golden_image(colour_model, url):
    assert Predictor.load(colour_model, "tfserving", server=url, check_golden=True)


def test_nothing_found_is_an_empty_answer(colour_model, url):
    predictor = Predictor.load(colour_model, "tfserving", server=url)
    assert len(predictor.predict(painted(128, 96), (128, 96))) == 0


def test_model_that_the_server_has_not_is_named_in_its_words(colour_model, url):
    other = replace(ModelManifest.load(colour_model), version=2)
    predictor = Predictor(other, load_backend("tfserving", colour_model, other, None, url))
    with pytest.raises(ServerError, match="Servable not found"):
        predictor.predict(PICTURE, (128, 96))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "grpc://127.0.0.1:9"])
def test_server_that_does_not_answer_is_named(colour_model, url):
    predictor = Predictor.load(colour_model, "tfserving", server=url)
    with pytest.raises(ServerError, match=url):
        predictor.predict(PICTURE, (128, 96))


@pytest.mark.parametrize("url", [None, "localhost:8501", "ftp://host", "http://"])
def test_url_that_leads_nowhere_is_refused_when_loading(colour_model, url):
    with pytest.raises(ManifestError, match="is no server"):
        Predictor.load(colour_model, "tfserving", server=url)
