#!/bin/sh
# The lab by hand: lab.sh build | run. See README.md beside this.
cd "$(dirname "$0")/../.." && PYTHONPATH=etc/lab exec .venv/bin/python -m lab "$@"
