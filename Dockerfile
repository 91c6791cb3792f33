# Maskdrop's images, by --target: lambda, server, gpu; sbom and gpu-sbom list what is in them.
# A base may be pinned to a digest, as name:tag@sha256:…; docs/containers.md says how it is found.
# No step depends on the processor: the locks have hashes for x86-64 and arm64.
# checkov:skip=CKV_DOCKER_7:The bases have tags, in the arguments, which it does not look up.
# checkov:skip=CKV_DOCKER_2:Lambda and Cloud Run ask by themselves and ignore HEALTHCHECK.
ARG LAMBDA_BASE=public.ecr.aws/lambda/python:3.13
ARG SERVER_BASE=docker.io/library/python:3.13-slim

# ---- AWS Lambda: both functions in one image; the function's command says which -----------------

FROM ${LAMBDA_BASE} AS lambda-build
WORKDIR /build
COPY infra/image/install.py ./
COPY requirements/lambda.txt requirements/build.txt requirements/
RUN python3 install.py packages requirements/lambda.txt
COPY pyproject.toml maskdrop.py README.md LICENSE ./
COPY handler handler
COPY model model
RUN python3 install.py code && python3 install.py models

FROM ${LAMBDA_BASE} AS lambda
COPY --from=lambda-build /image/packages ${LAMBDA_TASK_ROOT}
COPY --from=lambda-build /image/models ${LAMBDA_TASK_ROOT}
COPY --from=lambda-build /image/code ${LAMBDA_TASK_ROOT}
# HOME is the only folder that may be written. glibc lets large blocks go when they are freed only
# as long as this threshold stays where it is.
ENV HOME=/tmp \
    MALLOC_MMAP_THRESHOLD_=1048576
# A number: the base has no tool that makes users, and Lambda brings its own.
USER 65532:65532
CMD ["handler.api_entry.handler"]
ARG LAMBDA_BASE
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Maskdrop on AWS Lambda" \
      org.opencontainers.image.description="Drop a photo in a bucket; its masks come back." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${LAMBDA_BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      com.amazonaws.lambda.feature.snapstart="Allow"

# For `sam local` alone, which builds its emulator into the image, with a step that only root may do.
FROM lambda AS lambda-local
# hadolint ignore=DL3002
USER 0:0

# ---- a server that lives long: Cloud Run, or any machine ----------------------------------------

FROM ${SERVER_BASE} AS server-build
WORKDIR /build
COPY infra/image/install.py ./
COPY requirements/server.txt requirements/build.txt requirements/
RUN python3 install.py packages requirements/server.txt
COPY pyproject.toml maskdrop.py README.md LICENSE ./
COPY handler handler
COPY model model
RUN python3 install.py code && python3 install.py models

FROM ${SERVER_BASE} AS served
COPY infra/image/install.py /tmp/
# The official Python images come without their library's bytecode, and a read-only root keeps none.
RUN python3 /tmp/install.py library && rm /tmp/install.py
ENV HOME=/tmp \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    PATH=/opt/maskdrop/bin:$PATH \
    PYTHONPATH=/opt/maskdrop \
    PYTHONUNBUFFERED=1
WORKDIR /opt/maskdrop
USER 65532:65532
EXPOSE 8080
# Cloud Run says the port in PORT, and kills 10 s after SIGTERM; the server ends within 8.
CMD ["python3", "-m", "handler.server_entry", "--host", "0.0.0.0"]
ARG SERVER_BASE
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Maskdrop" \
      org.opencontainers.image.description="Drop a photo in a bucket; its masks come back." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${SERVER_BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM served AS server
COPY --from=server-build /image/packages ./
COPY --from=server-build /image/models ./
COPY --from=server-build /image/code ./

# ---- what is in them: CycloneDX, one file an image ----------------------------------------------

FROM lambda-build AS lambda-bill
COPY requirements/sbom.txt requirements/
RUN python3 install.py bill requirements/sbom.txt /lambda.cdx.json

FROM server-build AS server-bill
COPY requirements/sbom.txt requirements/
RUN python3 install.py bill requirements/sbom.txt /server.cdx.json

FROM scratch AS sbom
COPY --from=lambda-bill /lambda.cdx.json /
COPY --from=server-bill /server.cdx.json /

# ---- the same server with TensorFlow and CUDA ---------------------------------------------------

FROM ${SERVER_BASE} AS gpu-build
WORKDIR /build
COPY infra/image/install.py ./
COPY requirements/gpu.txt requirements/build.txt requirements/
RUN python3 install.py packages requirements/gpu.txt
COPY pyproject.toml maskdrop.py README.md LICENSE ./
COPY handler handler
COPY model model
RUN python3 install.py code && python3 install.py saved-models && python3 install.py models

FROM served AS gpu
COPY --from=gpu-build /image/packages ./
COPY --from=gpu-build /image/models ./
COPY --from=gpu-build /image/code ./
# XLA is TF_XLA_FLAGS=--tf_xla_auto_jit=2 at run time; docs/containers.md has what it is for.
ENV MASKDROP_BACKEND=saved_model \
    TF_CPP_MIN_LOG_LEVEL=1 \
    TF_FORCE_GPU_ALLOW_GROWTH=true

FROM gpu-build AS gpu-bill
COPY requirements/sbom.txt requirements/
RUN python3 install.py bill requirements/sbom.txt /gpu.cdx.json

FROM scratch AS gpu-sbom
COPY --from=gpu-bill /gpu.cdx.json /
