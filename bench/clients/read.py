"""Reads URL over and over with Python's own http.client, over one connection, and
prints how long the reads took."""

import http.client
import json
import os
import time
import urllib.parse

url = urllib.parse.urlsplit(os.environ["URL"])
target = url.path + ("?" + url.query if url.query else "")
headers = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}
connection = http.client.HTTPConnection(url.hostname, url.port)
reads = int(os.environ["READS"])


def read():
    connection.request("GET", target, headers=headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"status {response.status}")
    return body


took = []
for i in range(reads + reads // 10):
    began = time.perf_counter()
    read()
    if i >= reads // 10:
        took.append((time.perf_counter() - began) * 1e6)
took.sort()
print(json.dumps({"p50": took[reads // 2], "p99": took[reads * 99 // 100], "p999": took[reads * 999 // 1000]}))
