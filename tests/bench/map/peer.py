#!/usr/bin/python3
"""Runs Debian's postfix-mta-sts-resolver with a cache that knows everything it will be asked.

usage: peer.py PORT KEYS

Its own caches are filled by looking domains up, and a domain without a policy is never kept: it costs
a DNS query each time. Neither is measured here. The cache, of its type `internal`, is filled by hand
with every key, every other one in mode enforce, the rest in mode none, which it answers with NOTFOUND
from memory. So the peer answers without network and without files, which is the best it can do.
"""
import os
import sys
import tempfile
import time

from postfix_mta_sts_resolver import daemon, utils
from postfix_mta_sts_resolver.base_cache import CacheEntry

CONFIG = """
host: 127.0.0.1
port: %d
reuse_port: true
shutdown_timeout: 1
cache_grace: 1000000
cache:
  type: internal
  options:
    cache_size: %d
default_zone:
  strict_testing: false
  timeout: 4
"""
WEEK = 604800


def fill(cache, keys):
    now = int(time.time())
    for i in range(keys):
        domain = "d%d.example" % i
        body = {"version": "STSv1", "mode": "none" if i % 2 else "enforce", "max_age": WEEK,
                "mx": ["mx1." + domain, "mx2." + domain]}
        cache._cache[domain] = CacheEntry(now, "20261126", body)
    return cache


def main():
    port, keys = int(sys.argv[1]), int(sys.argv[2])
    make = utils.create_cache
    utils.create_cache = lambda kind, options: fill(make(kind, options), keys)
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        config.write(CONFIG % (port, 2 * keys))
        config.flush()
        sys.argv = ["mta-sts-daemon", "-c", config.name, "-v", "warn", "-l", os.devnull]
        daemon.main()


if __name__ == "__main__":
    main()
