"""Reads a secret through Powertools for AWS Lambda's parameters and prints how
long the reads took: the first, and those that its cache answers."""

import json
import os
import time

began = time.perf_counter()
from aws_lambda_powertools.utilities import parameters  # noqa: E402

reads = int(os.environ["READS"])


def read():
    return parameters.get_secret("small", max_age=300)


read()
first = (time.perf_counter() - began) * 1e6
took = []
for _ in range(reads):
    began = time.perf_counter()
    read()
    took.append((time.perf_counter() - began) * 1e6)
took.sort()
print(json.dumps({"first": first, "p50": took[reads // 2], "p99": took[reads * 99 // 100], "p999": took[reads * 999 // 1000]}))
