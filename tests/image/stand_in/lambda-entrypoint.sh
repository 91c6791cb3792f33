#!/bin/sh
# Start the handler named by the only argument; the emulator takes Lambda's part where none is.
export PYTHONPATH="$LAMBDA_RUNTIME_DIR"
set -- python3 -m awslambdaric "$1"
if [ -z "$AWS_LAMBDA_RUNTIME_API" ]; then set -- /usr/local/bin/aws-lambda-rie "$@"; fi
exec "$@"
