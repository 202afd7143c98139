#!/usr/bin/env python3
"""What --own of a large volume costs, against what entrypoint scripts do: a tree of FILES files (1,000,000 unless the variable FILES says
otherwise) below FOLDER (the working directory's file system), with the right owner, with another user's and with root's, with a cold
cache and a warm one. Interleaved; the medians of ROUNDS (3) go to standard output as a table, with each one's ratio to the best of the others and the
peak memory. Needs root and an otherwise idle machine; the tree is removed afterwards."""

import contextlib
import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

FILES = int(os.environ.get("FILES", 1_000_000))
ROUNDS = int(os.environ.get("ROUNDS", 3))
PER_FOLDER = 250
RIGHT = 10001  # the app's
ANOTHER = 10002
OWNERS = {"right": RIGHT, "another's": ANOTHER, "root's": 0}  # before
OURS = "stepdown --own"


def build(top):
    """Folders of 250 files below folders of 40 folders, as caches, uploads and packages lie."""
    for i in range(max(FILES // PER_FOLDER, 1)):
        folder = top / str(i // 40) / str(i % 40)
        folder.mkdir(parents=True)
        descriptor = os.open(folder, os.O_PATH)
        for j in range(PER_FOLDER):
            os.close(os.open(f"file-{j}", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=descriptor))
        os.close(descriptor)


def cases(stepdown, top, wrong):
    who = f"{RIGHT}:{RIGHT}"
    find = rf"find {top} \( ! -user {RIGHT} -o ! -group {RIGHT} \) -exec chown -h {who} {{}} +"
    return {
        OURS: [stepdown, f"--user={who}", "--receipt=off", "--no-init", "--seccomp=off", f"--own={top}", "--", "/bin/true"],
        "chown -R": ["chown", "-R", who, top],
        "find ! -user -exec chown": ["sh", "-c", find],
        "chown -R --from": ["chown", "-R", f"--from={wrong}:{wrong}", who, top],
    }


def drop_caches():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def high_water(pid):
    """Resident memory at its most, KiB. Not wait4(2)'s: that counts what the process was before it became the command."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def seconds(command, peak):
    """How long it takes; its resident memory goes to peak, find's without the programs that it starts."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        app = subprocess.Popen(command, stderr=said)
        most = 0
        while app.poll() is None:
            most = max(most, high_water(app.pid))
            time.sleep(0.005)
        took = time.monotonic() - began
        if app.returncode != 0:
            said.seek(0)
            sys.exit(f"bench: {command}: {said.read().decode()}")
    peak.append(most)
    return took


def measure(stepdown, top):
    took, peaks = {}, {}
    rows = list(itertools.product(OWNERS, ("cold", "warm")))
    for turn in range(ROUNDS):
        for owner, cache in rows:
            named = list(cases(stepdown, top, ANOTHER if owner == "right" else OWNERS[owner]).items())
            for name, command in named[turn % len(named) :] + named[: turn % len(named)]:
                if owner != "right":
                    subprocess.run(["chown", "-R", f"{OWNERS[owner]}:{OWNERS[owner]}", top], check=True)
                    os.sync()  # or the next one writes it back
                if cache == "cold":
                    drop_caches()
                took.setdefault((owner, cache, name), []).append(seconds(command, peaks.setdefault(name, [])))
                print(owner, cache, name, f"{took[owner, cache, name][-1]:.2f}", file=sys.stderr, flush=True)
        subprocess.run(["chown", "-R", f"{RIGHT}:{RIGHT}", top], check=True)
    print(f"{FILES} files, {os.cpu_count()} processors, medians of {ROUNDS}, seconds\n")
    names = list(cases(stepdown, top, ANOTHER))
    print("| owner, cache | " + " | ".join(names) + " | to the best of the others |")
    print("|---|" + "---|" * (len(names) + 1))
    for owner, cache in rows:
        medians = {name: statistics.median(took[owner, cache, name]) for name in names}
        best = min(medians[name] for name in names if name != OURS)
        print(f"| {owner}, {cache} | " + " | ".join(f"{medians[name]:.2f}" for name in names) + f" | {medians[OURS] / best:.2f} |")
    print("| peak memory, MB | " + " | ".join(f"{max(peaks[name]) / 1024:.1f}" for name in names) + " | |")


def main():
    stepdown = sys.argv[1] if sys.argv[1:] else str(pathlib.Path(__file__).resolve().parents[1] / "build/release/stepdown")
    with contextlib.ExitStack() as stack:
        top = pathlib.Path(tempfile.mkdtemp(prefix="stepdown-bench-", dir=pathlib.Path(os.environ.get("FOLDER", ".")).resolve()))
        stack.callback(shutil.rmtree, top)
        build(top)
        subprocess.run(["chown", "-R", f"{RIGHT}:{RIGHT}", top], check=True)
        measure(stepdown, top)


if __name__ == "__main__":
    main()
