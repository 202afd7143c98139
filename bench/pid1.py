#!/usr/bin/env python3
"""What PID 1 does while the app runs: each supervisor as PID 1 of a PID namespace of its own, interleaved.

    pid1.py [--orphans=N] [--rounds=N] [STEPDOWN]

- latency: from kill(2) at PID 1 to the app's answer, µs, median over rounds of all supervisors in a random order
- orphans: how many a second come, end and are reaped, and PID 1's own time on a processor for each, from schedstat
- idle: how often PID 1 is woken in 3 s in which nothing happens

Needs root and the packages in toolchain/packages/bench.txt. Prints a table, and JSON as its last line."""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time

import memory
import peers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "bench")
BELOW = f"{BUILD}/below"


def build():
    os.makedirs(BUILD, exist_ok=True)
    subprocess.run(["clang-19", "-O2", "-static", f"{ROOT}/bench/below.c", "-o", BELOW], check=True)


class Running:
    def __init__(self, name, words, *argv):
        self.name = name
        self.process = subprocess.Popen(["unshare", "--pid", "--fork", "--mount-proc", *words, BELOW, *argv],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        self.answer()
        self.pid_1 = memory.children(self.process.pid)[0]

    def answer(self):
        if os.read(self.process.stdout.fileno(), 1) != b"r":
            sys.exit(f"bench: {self.name}: the app below it ended")

    def latency(self):
        began = time.perf_counter_ns()
        os.kill(self.pid_1, signal.SIGUSR1)
        self.answer()
        return (time.perf_counter_ns() - began) / 1000

    def proc(self, file):
        with open(f"/proc/{self.pid_1}/{file}", encoding="ascii") as opened:
            return opened.read()

    def on_cpu(self):
        return int(self.proc("schedstat").split()[0])

    def wakeups(self):
        return int(self.proc("status").split("voluntary_ctxt_switches:")[1].split()[0])

    def stop(self):
        memory.stop(self.process)


def measure_latency(commands, rounds):
    running = [Running(name, words, "echo") for name, words in commands.items()]
    samples = {one.name: [] for one in running}
    for _ in range(rounds):
        random.shuffle(running)
        for one in running:
            samples[one.name].append(one.latency())
    time.sleep(1)
    before = {one.name: one.wakeups() for one in running}
    time.sleep(3)
    idle = {one.name: one.wakeups() - before[one.name] for one in running}
    for one in running:
        one.stop()
    return {name: statistics.median(values) for name, values in samples.items()}, idle


def measure_orphans(commands, count):
    results = {}
    for name, words in commands.items():
        began = time.perf_counter()
        one = Running(name, words, "orphans", str(count))
        while len(memory.children(one.pid_1)) > 1:
            time.sleep(0.001)
        took = time.perf_counter() - began
        results[name] = {"a_second": count / took, "cpu_us": one.on_cpu() / 1000 / count}
        one.stop()
    return results


def main():
    parser = argparse.ArgumentParser(description="PID 1 at work, beside its peers")
    parser.add_argument("--orphans", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("stepdown", nargs="?", default=f"{ROOT}/build/release/stepdown")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: must run as root")
    build()
    os.chmod(BELOW, 0o755)
    found = peers.programs(options.stepdown)
    commands = {name: peers.command(words, found) for name, words in peers.SUPERVISORS.items()}
    latency, idle = measure_latency(commands, options.rounds)
    orphans = measure_orphans(commands, options.orphans)
    print(f"{'':12}  {'latency µs':>10}  {'orphans/s':>10}  {'µs/orphan':>10}  {'wakeups':>8}")
    results = {}
    for name in commands:
        results[name] = {"latency_us": latency[name], **orphans[name], "wakeups": idle[name]}
        print(f"{name:12}  {latency[name]:10.1f}  {orphans[name]['a_second']:10.0f}  {orphans[name]['cpu_us']:10.2f}  "
              f"{idle[name]:8d}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
