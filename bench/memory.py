#!/usr/bin/env python3
"""What PID 1 costs while the app runs: each supervisor as PID 1 of a PID namespace of its own, above `sleep`, all at
once, read from /proc/PID/smaps_rollup. Needs root: stepdown is not dumpable, so its smaps are root's to read.

    memory [STEPDOWN]       prints JSON: {name: {"private_kb": N, "dirty_kb": N, "rss_kb": N}}
"""

import json
import os
import signal
import subprocess
import sys
import time

import peers

SETTLE_SECONDS = 0.5
DEADLINE_SECONDS = 10


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def supervisor_of(holder, name):
    """The namespace's PID 1, once the process below it has become sleep."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if holder.poll() is not None:
            sys.exit(f"bench: {name}: ended with status {holder.returncode} in place of supervising sleep")
        for first in children(holder.pid):
            for app in children(first):
                with open(f"/proc/{app}/comm", encoding="utf-8") as file:
                    if file.read().strip() == "sleep":
                        return first
        time.sleep(0.02)
    sys.exit(f"bench: {name}: sleep did not start below it within {DEADLINE_SECONDS} s")


def rollup(pid):
    kilobytes = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            key, _, rest = line.partition(":")
            if rest.strip().endswith(" kB"):
                kilobytes[key] = int(rest.split()[0])
    return {
        "private_kb": kilobytes["Private_Clean"] + kilobytes["Private_Dirty"] + kilobytes["Private_Hugetlb"],
        "dirty_kb": kilobytes["Private_Dirty"],
        "rss_kb": kilobytes["Rss"],
    }


def stop(holder):
    """Kills the namespace's PID 1, and with it all below. unshare --kill-child does not do: the signal it asks for at
    its own death is cancelled by the kernel when the child changes its user, prctl(2), PR_SET_PDEATHSIG."""
    firsts = children(holder.pid) if holder.poll() is None else []
    holder.kill()
    holder.wait()
    for first in firsts:
        os.kill(first, signal.SIGKILL)


def measure(found):
    holders = {}
    try:
        for name, words in peers.SUPERVISORS.items():
            holders[name] = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--mount-proc", *peers.command(words, found),
                 "/bin/sleep", "600"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        pids = {name: supervisor_of(holder, name) for name, holder in holders.items()}
        time.sleep(SETTLE_SECONDS)
        return {name: rollup(pid) for name, pid in pids.items()}
    finally:
        for holder in holders.values():
            stop(holder)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("bench: memory must run as root: it reads other processes' smaps")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    default = os.path.join(root, "build/release/stepdown")
    print(json.dumps(measure(peers.programs(sys.argv[1] if len(sys.argv) > 1 else default)), indent=2))
