#!/usr/bin/env python3
"""What PID 1 does while the app runs: each supervisor as PID 1 of a PID namespace of its own, interleaved.

    pid1.py [--orphans=N] [--passes=N] [--rounds=N] [STEPDOWN]

- latency: from kill(2) at PID 1 to the app's answer, µs, median over rounds of all supervisors in a random order
- orphans: how many a second come, end and are reaped, the best of the passes, and PID 1's own time on a processor for each, from
  schedstat, over all passes; the supervisors take turns
- idle: how often PID 1 is woken in 3 s in which nothing happens

Needs root and the packages in toolchain/packages/bench.txt. Prints a table with ratios, and JSON as
its last line."""

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
    os.chmod(BELOW, 0o755)


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


def leave_orphans(name, words, count):
    began = time.perf_counter()
    one = Running(name, words, "orphans", str(count))
    while len(memory.children(one.pid_1)) > 1:
        time.sleep(0.001)
    took, on_cpu = time.perf_counter() - began, one.on_cpu()
    one.stop()
    return count / took, on_cpu / 1000 / count


def measure_orphans(commands, count, passes):
    samples = {name: [] for name in commands}
    for _ in range(passes):
        for name in random.sample(list(commands), len(commands)):
            samples[name].append(leave_orphans(name, commands[name], count))
    return {name: {"a_second": max(rate for rate, _ in figures), "cpu_us": statistics.mean(cpu for _, cpu in figures)}
            for name, figures in samples.items()}


def measure(found, rounds, orphans, passes):
    build()
    commands = {name: peers.command(words, found) for name, words in peers.SUPERVISORS.items()}
    latency, idle = measure_latency(commands, rounds)
    of_orphans = measure_orphans(commands, orphans, passes)
    return {name: {"latency_us": latency[name], **of_orphans[name], "wakeups": idle[name]} for name in commands}


def table(results):
    """Its head and rows: each figure, and what stepdown's is to it."""
    own = results[peers.STEPDOWN]
    head = ["", "latency µs", "ratio", "orphans/s", "ratio", "µs/orphan", "ratio", "wakeups"]
    rows = [[name, f"{one['latency_us']:.1f}", f"{own['latency_us'] / one['latency_us']:.3f}", f"{one['a_second']:.0f}",
             f"{own['a_second'] / one['a_second']:.2f}", f"{one['cpu_us']:.2f}", f"{own['cpu_us'] / one['cpu_us']:.2f}", one["wakeups"]]
            for name, one in results.items()]
    return head, rows


def main():
    parser = argparse.ArgumentParser(description="PID 1 at work, beside its peers")
    parser.add_argument("--orphans", type=int, default=50_000)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("stepdown", nargs="?", default=f"{ROOT}/build/release/stepdown")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: must run as root")
    results = measure(peers.programs(options.stepdown), options.rounds, options.orphans, options.passes)
    head, rows = table(results)
    for row in [head, *rows]:
        print(f"{row[0]:12}", *(f"{cell:>10}" for cell in row[1:]))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
