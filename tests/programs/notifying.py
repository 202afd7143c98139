"""Apps that tell PID 1 what they do, and what stepdown says of them."""

import os
import sys
import textwrap
import time

from conftest import PATIENCE

USER = ["--user=10001:10001", "--receipt=off", "--log-level=info"]

# notify(text): as sd_notify(3)
PRELUDE = """
import os, signal, socket, sys, time
def notify(text):
    name = os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(text.encode(), name)
def say(word):
    print(word, flush=True)
"""


def python(script):
    return [sys.executable, "-c", PRELUDE + textwrap.dedent(script)]


def start(ours, options, command, **kind):
    return ours["stepdown"].start(*USER, *options, "--", *command, as_pid_1=True, **kind)


def finish(process):
    """Its input stays open until it has ended: communicate() would close it first, and an app that reads it may end by that."""
    kept, process.stdin = process.stdin, None
    out, err = process.communicate(timeout=PATIENCE)
    if kept is not None:
        kept.close()
    return process.returncode, out, err


def until_said(process, words):
    """What standard error says up to the line with these words; a byte at a time, so that finish() misses nothing."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while not (said.endswith(b"\n") and words in said.decode().splitlines()[-1]):
        assert time.monotonic() < deadline and (byte := os.read(process.stderr.fileno(), 1)), said
        said += byte
    return said.decode()
