#!/usr/bin/env python3
"""What judging costs: a start-up probe (verify -q) beside the spawn of a static true, and a whole node's scan.

    bench/verify.py [--containers=50] [--rounds=200] [--stepdown=PATH]

Needs root and runc. Containers here are what verify tells them apart by: a PID namespace with a mount namespace and a receipt of
its own. They are mixed: dropped by stepdown, root, dropped by hand and without a filter, without a receipt, with Landlock; the verdict
of each is checked before anything is measured.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What a runtime does for a container, as far as verify looks at it.
INSIDE = """
mount -t proc proc /proc && mount -t tmpfs -o mode=755 tmpfs /run
for path in /proc/sys /proc/sysrq-trigger /sys; do [ ! -e $path ] || { mount --bind $path $path && mount -o remount,bind,ro $path; }; done
[ ! -e /proc/kcore ] || mount --bind /dev/null /proc/kcore
mkdir /run/dev && mount -t tmpfs -o mode=755 tmpfs /run/dev
for node in null zero full random urandom tty; do touch /run/dev/$node && mount --bind /dev/$node /run/dev/$node; done
mount --rbind /run/dev /dev && umount -R /run/dev
exec "$@"
"""


def start(words):
    enter = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation=private", "sh", "-c", INSIDE, "sh", *words]
    return subprocess.Popen(enter, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def first_of(container):
    """The container's PID 1, unshare's child; None before it is there."""
    with open(f"/proc/{container.pid}/task/{container.pid}/children", encoding="ascii") as file:
        below = file.read().split()
    return int(below[0]) if below else None


def stop(container):
    """By its PID 1: with other ids it does not end with the process that started it."""
    first = first_of(container)
    if first is not None:
        os.kill(first, signal.SIGKILL)
    container.wait()


def scan(stepdown):
    words = [stepdown, "verify", "--proc=/proc", "--group-by=container", "--format=json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True)
    taken = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (taken, processor), json.loads(done.stdout)["containers"]


def verdicts(containers, kinds):
    """How often each kind of the containers made here was judged how: they are told by what their app calls itself."""
    seen = {kind: [] for kind in kinds}
    for one in containers:
        kind = one["threads"][-1]["name"] if one["threads"] else None
        if kind in seen:
            seen[kind].append(one["verdict"])
    return seen


def node(stepdown, number, folder):
    """A mixed node: what each kind runs as, and the verdict that is right for it."""
    dropped = [stepdown, "--user=10001:10001", "--log-level=error"]
    kinds = {
        "dropped": ([*dropped, "--"], "pass"),
        "root": ([], "fail"),
        "unconfined": (["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", "--nnp", "--inh-caps=-all",
                        "--bounding-set=-all"], "fail"),
        "no-receipt": ([*dropped, "--receipt=off", "--no-init", "--"], "unknown"),
        "readonly": ([*dropped, "--rootfs=ro", "--"], "pass"),
    }
    started, wanted = [], {kind: [] for kind in kinds}
    for i in range(number):
        kind = list(kinds)[i % len(kinds)]
        words, verdict = kinds[kind]
        app = os.path.join(folder, kind)
        if not os.path.exists(app):
            os.symlink(shutil.which("sleep"), app)
        started.append(start([*words, app, "1000"]))
        wanted[kind].append(verdict)
    try:
        deadline = time.monotonic() + 120
        while (seen := verdicts(scan(stepdown)[1], kinds)) != wanted:
            if time.monotonic() > deadline:
                sys.exit(f"bench: not every container was judged as what it is: {seen}")
            time.sleep(1)
        times = [scan(stepdown) for _ in range(10)]
        medians = [statistics.median(column) for column in zip(*(taken for taken, _ in times))]
        return medians, len(times[0][1]), peak_of_a_scan(stepdown)
    finally:
        for one in started:
            stop(one)


def peak_of_a_scan(stepdown):
    """In kB. Nobody reads what it writes, so it waits at the end of its work, where it can be looked at."""
    words = [stepdown, "verify", "--proc=/proc", "--group-by=container", "--format=json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as scanning:
        time.sleep(2)
        with open(f"/proc/{scanning.pid}/status", encoding="utf-8") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
        scanning.stdout.read()
    return peak


def spawn_both(true, probe, rounds):
    """Medians of the two, interleaved, in microseconds. A probe that does not pass ends the bench."""
    times = {0: [], 1: []}
    for _ in range(rounds):
        for which in random.sample((0, 1), 2):
            words = (true, probe)[which]
            began = time.monotonic()
            _, status = os.waitpid(os.posix_spawn(words[0], words, {}), 0)
            times[which].append(time.monotonic() - began)
            if status != 0:
                sys.exit(f"bench: {' '.join(words)} ended with {status:#x}")
    return [1e6 * statistics.median(times[which]) for which in (0, 1)]


def probe_in_a_container(stepdown, true, rounds):
    """As an engine's exec: a process of root's that enters a container which has stepped down, and asks there."""
    dropped = [stepdown, "--user=10001:10001", "--log-level=error", "--", "sleep", "1000"]
    container = start(dropped)
    try:
        while (first := first_of(container)) is None:
            time.sleep(0.1)
        time.sleep(1)
        enter = ["nsenter", f"--target={first}", "--pid", "--mount", sys.executable, __file__, f"--stepdown={stepdown}"]
        done = subprocess.run([*enter, f"--rounds={rounds}", f"--inside={true}"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: the probe in a container: {done.stderr.strip() or done.stdout}")
        return [float(word) for word in done.stdout.split()]
    finally:
        stop(container)


def bundle(folder, stepdown, true):
    """What an OCI runtime starts: the machine's programs, and stepdown that gives root up and runs one of them."""
    root = os.path.join(folder, "rootfs")
    for name in ("proc", "dev", "run", "usr"):
        os.makedirs(os.path.join(root, name))
    for name in ("bin", "lib", "lib64"):
        os.symlink(f"usr/{name}", os.path.join(root, name))
    for program, name in ((stepdown, "stepdown"), (true, "true")):
        shutil.copy(program, os.path.join(root, name))
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    with open(os.path.join(folder, "config.json"), "r+", encoding="utf-8") as file:
        config = json.load(file)
        config["root"]["readonly"] = False
        config["mounts"].append({"destination": "/usr", "source": "/usr", "type": "none", "options": ["rbind", "ro"]})
        capabilities = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"]
        config["process"] |= {
            "terminal": False,
            "args": ["/stepdown", "--user=10001:10001", "--log-level=error", "--", "sleep", "1000"],
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
        }
        file.seek(0)
        file.truncate()
        json.dump(config, file)


def probe_by_a_runtime(stepdown, true, rounds):
    """As a kubelet has it done: for each probe the runtime enters the container and starts the program there."""
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        bundle(folder, stepdown, true)
        name = os.path.basename(folder)
        runc = [shutil.which("runc"), f"--root={folder}/runc"]
        subprocess.run([*runc, "run", "--detach", name], cwd=folder, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            return spawn_both([*runc, "exec", name, "/true"], [*runc, "exec", name, "/stepdown", "verify", "-q"], rounds)
        finally:
            subprocess.run([*runc, "delete", "--force", name], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--stepdown", default=f"{ROOT}/build/release/stepdown")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: told to end"))
    if words.inside:
        print(*spawn_both([words.inside], [words.stepdown, "verify", "-q"], words.rounds))
        return
    true = os.path.join(ROOT, "build", "bench", "true")
    os.makedirs(os.path.dirname(true), exist_ok=True)
    tiny = ["clang-19", "-O2", "-static", "-nostdlib", "-fno-stack-protector", "-fuse-ld=lld", "-Wl,-z,noseparate-code"]
    subprocess.run([*tiny, os.path.join(ROOT, "bench", "true.c"), "-o", true], check=True)
    usual = true + "-libc"
    subprocess.run(["clang-19", "-O2", "-static", "-x", "c", "-", "-o", usual], input="int main(void) { return 0; }", text=True, check=True)
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        os.chmod(folder, 0o755)
        (seconds, processor), seen, peak = node(words.stepdown, words.containers, folder)
    print("Judging: one command over a node, each container with the right verdict; and a start-up probe")
    print(f"  {seen} containers in {1e3 * seconds:.1f} ms, {1e3 * seconds / seen:.2f} ms each, of that "
          f"{1e3 * processor / seen:.2f} ms of processor time (at most 2), in {peak} kB of memory")
    for what, path in (("with Debian's C library", usual), ("without a C library", true)):
        bare, probe = probe_in_a_container(words.stepdown, path, words.rounds)
        print(f"  spawn of a static true {what} {bare:.0f} µs, verify -q {probe:.0f} µs: {probe / bare:.2f} times (at most 1.5)")
    bare, probe = probe_by_a_runtime(words.stepdown, true, words.rounds)
    print(f"  the same two by runc exec: {bare:.0f} µs, {probe:.0f} µs: {probe / bare:.2f} times")


if __name__ == "__main__":
    main()
