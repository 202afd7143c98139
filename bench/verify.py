#!/usr/bin/env python3
"""What judging costs: a start-up probe (verify -q) beside the spawn of a static true, and a whole node's scan.

    bench/verify.py [--containers=50] [--rounds=200] [--stepdown=PATH]

Needs root. Containers here are what verify tells them apart by: a PID namespace with a mount namespace and a receipt of
its own. Every second one steps down, the others are root; the verdict of each is checked before anything is measured.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INSIDE = "mount -t proc proc /proc && mount -t tmpfs tmpfs /run && exec \"$@\""


def start(words):
    enter = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation=private", "sh", "-c", INSIDE, "sh", *words]
    return subprocess.Popen(enter, stdin=subprocess.DEVNULL)


def scan(stepdown):
    words = [stepdown, "verify", "--proc=/proc", "--group-by=container", "--format=json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True)
    taken = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (taken, processor), json.loads(done.stdout)["containers"]


def verdicts(containers):
    """Of the containers made here: by what their last process is called."""
    ours = [one for one in containers if one["threads"] and one["threads"][-1]["name"].startswith("sleep")]
    wrong = {"uid", "receipt"}
    return [any(f["check"] in wrong and f["verdict"] == "fail" for t in one["threads"] for f in t["findings"]) for one in ours]


def node(stepdown, number):
    dropped = [stepdown, "--user=10001:10001", "--log-level=error", "--", "sleep", "1000"]
    started = [start(dropped if i % 2 else ["sleep", "1000"]) for i in range(number)]
    try:
        deadline = time.monotonic() + 120
        while sorted(verdicts(scan(stepdown)[1])) != [False] * (number // 2) + [True] * (number - number // 2):
            if time.monotonic() > deadline:
                sys.exit("bench: not every container was judged as what it is")
            time.sleep(1)
        times = [scan(stepdown) for _ in range(10)]
        medians = [statistics.median(column) for column in zip(*(taken for taken, _ in times))]
        return medians, len(times[0][1])
    finally:
        for one in started:
            one.kill()
        for one in started:
            one.wait()


def spawn(words, rounds):
    times = []
    for _ in range(rounds):
        began = time.monotonic()
        os.waitpid(os.posix_spawn(words[0], words, {}), 0)
        times.append(time.monotonic() - began)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--stepdown", default=f"{ROOT}/build/release/stepdown")
    words = parser.parse_args()
    (seconds, processor), seen = node(words.stepdown, words.containers)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"node scan: {seen} containers in {1e3 * seconds:.1f} ms, {1e3 * seconds / seen:.2f} ms each "
          f"({1e3 * processor / seen:.2f} ms of processor time); largest child {peak} kB")
    status = os.path.join(ROOT, "build", "bench", "true")
    if os.access(status, os.X_OK):
        true = spawn([status], words.rounds)
        probe = spawn([words.stepdown, "verify", "-q", "--self", "--receipt=off"], words.rounds)
        print(f"spawn of a static true {1e6 * true:.0f} us, verify -q {1e6 * probe:.0f} us, {probe / true:.2f} times")


if __name__ == "__main__":
    main()
