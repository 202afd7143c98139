#!/usr/bin/env python3
"""The filter: what loading one costs, and what calls cost under it, beside libseccomp's programs for the same profile.

    bench/seccomp.py [--rounds=30] [--profile=FILE] [--stepdown=PATH]

The profile is a real one that others wrote (toolchain/packages/bench.txt has where it comes from): more than 400 calls, three
architectures. All cases run interleaved, in a random order. Needs root: a start gives root up.
"""

import argparse
import errno
import json
import os
import platform
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = os.path.join(ROOT, "bench")
BUILD = os.path.join(ROOT, "build", "bench")
PROFILE = "/usr/share/containers/seccomp.json"
# seccomp(2), libseccomp's seccomp.h.
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
COMPARES = ["", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"]
ARCHITECTURES = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_X86": 0x40000003, "SCMP_ARCH_X32": 0x4000003E}
NATIVE = "SCMP_ARCH_X86_64"
# No program that looks at an argument of personality(2) and refuses chroot(2) can be shorter: what it costs is the kernel's own.
LEAST = b"".join(struct.pack("<HBBI", *instruction) for instruction in (
    (0x20, 0, 0, 0),                            # the call's number
    (0x15, 3, 0, 161),                          # chroot
    (0x15, 0, 1, 135),                          # personality
    (0x20, 0, 0, 16),                           # its argument, which decides nothing
    (0x06, 0, 0, ALLOW),
    (0x06, 0, 0, ERRNO | errno.EPERM),
))


def number_of(entry, number, name):
    code = entry.get(number)
    return code if code is not None else getattr(errno, entry.get(name) or "EPERM")


def action(entry, key="action", number="errnoRet", name="errno"):
    return {"SCMP_ACT_ALLOW": ALLOW, "SCMP_ACT_ERRNO": ERRNO | number_of(entry, number, name)}[entry[key]]


def kernel(text):
    return tuple(int(part) for part in text.split(".")[:2])


def applies(entry):
    """For an app without capabilities on this machine."""
    running = kernel(platform.release().split("-")[0])
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    if "amd64" in (excludes.get("arches") or []) or includes.get("caps"):
        return False
    if excludes.get("minKernel") and running >= kernel(excludes["minKernel"]):
        return False
    if includes.get("minKernel") and running < kernel(includes["minKernel"]):
        return False
    return not includes.get("arches") or "amd64" in includes["arches"]


def rules_of(profile):
    """The profile in the words of rules.c."""
    lines = [str(action(profile, "defaultAction", "defaultErrnoRet", "defaultErrno"))]
    native = next(one for one in profile["archMap"] if one["architecture"] == NATIVE)
    lines += [f"arch {ARCHITECTURES[name]}" for name in (NATIVE, *native["subArchitectures"])]
    for entry in filter(applies, profile["syscalls"]):
        conditions = entry.get("args") or []
        words = [f"{one['index']} {COMPARES.index(one['op'])} {one['value']} {one.get('valueTwo') or 0}" for one in conditions]
        if action(entry) == int(lines[0]):
            continue  # what the default says anyway is an error there
        lines += [" ".join(["rule", str(action(entry)), name, str(len(words)), *words]) for name in entry["names"]]
    return "\n".join(lines)


def build():
    os.makedirs(BUILD, exist_ok=True)
    for name, libraries in (("rules", ["-lseccomp"]), ("filtered", [])):
        subprocess.run(["clang-19", "-O2", f"{BENCH}/{name}.c", "-o", f"{BUILD}/{name}", *libraries], check=True)
    tiny = ["clang-19", "-O2", "-static", "-nostdlib", "-fno-stack-protector", "-fuse-ld=lld", "-Wl,-z,noseparate-code"]
    subprocess.run([*tiny, f"{BENCH}/true.c", "-o", f"{BUILD}/true"], check=True)


def programs_of(stepdown, profile, folder):
    """Each case's program, as the bare instructions; and the compiled form."""
    compiled = os.path.join(folder, "profile.bpf")
    subprocess.run([stepdown, "profile", "compile", profile, "-o", compiled], check=True)
    with open(compiled, "rb") as file:
        whole = file.read()
    programs = {"none": b"", "the least": LEAST, "stepdown": whole[whole.index(b"\n\n") + 2:]}
    with open(profile, encoding="utf-8") as file:
        rules = rules_of(json.load(file))
    generated = {}
    for name, optimize in (("libseccomp, linear", 1), ("libseccomp, tree", 2)):
        times = []
        for _ in range(11):
            done = subprocess.run([f"{BUILD}/rules", str(optimize)], input=rules.encode(), capture_output=True, check=True)
            times.append(sum(float(part) for part in done.stderr.split()))
        programs[name] = done.stdout
        generated[name] = statistics.median(times)
    paths = {}
    for name, program in programs.items():
        paths[name] = os.path.join(folder, name.replace(", ", "-"))
        with open(paths[name], "wb") as file:
            file.write(program)
    return paths, {name: len(program) // 8 for name, program in programs.items()}, generated, compiled


def measure(paths, rounds):
    """The best of the rounds of each call, and the median of the loads."""
    seen = {name: [] for name in paths}
    for _ in range(rounds):
        for name in random.sample(list(paths), len(paths)):
            words = [f"{BUILD}/filtered"] + ([] if name == "none" else [paths[name]])
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            seen[name].append([float(word) for word in done.stdout.split()])
    return {
        name: {"load_us": statistics.median(one[0] for one in all_of) / 1e3,
               **{call: min(one[i] for one in all_of) for i, call in ((1, "allowed_ns"), (2, "checked_ns"), (3, "denied_ns"))}}
        for name, all_of in seen.items()
    }


def spawn(words):
    began = time.monotonic()
    _, status = os.waitpid(os.posix_spawn(words[0], words, {}), 0)
    if status != 0:
        sys.exit(f"bench: {' '.join(words)} ended with {status:#x}")
    return time.monotonic() - began


def starts(stepdown, folder, profile, compiled, rounds):
    """What each way to name the profile adds to a whole start, in microseconds: medians, over --seccomp=off."""
    app = os.path.join(folder, "true")
    with open(f"{BUILD}/true", "rb") as source, open(app, "wb") as copy:
        copy.write(source.read())
    os.chmod(app, 0o755)
    words = [stepdown, "--user=10001:10001", "--no-init", "--receipt=off", "--log-level=error"]
    cases = {"off": "off", "default": "default", "JSON": profile, "compiled": compiled}
    times = {name: [] for name in cases}
    for _ in range(rounds * 10):
        for name in random.sample(list(cases), len(cases)):
            times[name].append(spawn([*words, f"--seccomp={cases[name]}", "--", app]))
    medians = {name: 1e6 * statistics.median(all_of) for name, all_of in times.items()}
    return {name: median - medians["off"] for name, median in medians.items() if name != "off"}


def print_tables(results, sizes, generated, added):
    tree = results["libseccomp, tree"]
    print("The filter of one profile, loaded, and calls under it (ns; the best of all rounds)")
    print(f"  {'':20}{'instr.':>8}{'load µs':>9}{'allowed':>9}{'checked':>9}{'/tree':>7}{'denied':>8}{'/tree':>7}")
    for name, one in results.items():
        denied = one["denied_ns"] / tree["denied_ns"]
        ratios = ("", "") if name == "none" else (f"{one['checked_ns'] / tree['checked_ns']:.2f}", f"{denied:.2f}")
        print(f"  {name:20}{sizes[name]:8}{one['load_us']:9.1f}{one['allowed_ns']:9.1f}{one['checked_ns']:9.1f}"
              f"{ratios[0]:>7}{one['denied_ns']:8.1f}{ratios[1]:>7}")
    words = ", ".join(f"{name.split(', ')[1]} {taken / 1e3:.0f}" for name, taken in generated.items())
    print(f"Building the program from the rules with libseccomp, µs: {words}")
    print("What it adds to a whole start, µs: " + ", ".join(f"{name} {taken:.0f}" for name, taken in added.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--profile", default=PROFILE)
    parser.add_argument("--stepdown", default=f"{ROOT}/build/release/stepdown")
    words = parser.parse_args()
    if platform.machine() != "x86_64":
        sys.exit("bench: this part compares programs for x86-64")
    build()
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        os.chmod(folder, 0o755)
        paths, sizes, generated, compiled = programs_of(words.stepdown, words.profile, folder)
        results = measure(paths, words.rounds)
        added = starts(words.stepdown, folder, words.profile, compiled, words.rounds)
    print_tables(results, sizes, generated, added)
    with open(f"{BUILD}/seccomp.json", "w", encoding="utf-8") as file:
        json.dump({"filters": results, "instructions": sizes, "generated_ns": generated, "start_us": added}, file, indent=2)


if __name__ == "__main__":
    main()
