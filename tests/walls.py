#!/usr/bin/env python3
"""The walls of docs/architecture.md, held against the include graph: a room includes only what it may know."""
import pathlib
import re
import sys

STAGES = {"setup", "drop", "confine", "verify", "supervise", "emulate"}
MAY_KNOW = {
    "stepdown": set(),  # include/stepdown: the nouns
    "sys": {"stepdown"},
    "plan": {"stepdown"},
    "cli": {"stepdown", "plan"},
    "render": {"stepdown", "plan", "cli"},
    **{stage: {"stepdown", "sys"} for stage in STAGES},
}
MAY_KNOW["commands"] = {"stepdown", "sys", "plan", "cli", "render"} | STAGES
MAY_KNOW["main.cpp"] = {"stepdown", "commands", "cli"}

# Only src/sys may change privileges. supervise and launch may signal, wait and read.
PRIVILEGED = re.compile(
    r"::(set(?:re|res|fs)?[ug]id|setgroups|initgroups|capset|mount|umount2?|chroot|pivot_root|unshare|setns|clone|fork|vfork"
    r"|chown|fchown|lchown|fchownat|execve\w*|fexecve)\s*\(|prctl\s*\(\s*PR_(SET_|CAPBSET_DROP|CAP_AMBIENT)"
)
NSS = re.compile(r"\b(getpw(nam|uid|ent)|getgr(nam|gid|ent|ouplist)|initgroups)(_r)?\s*\(")


def room_of(path, root):
    parts = path.relative_to(root).parts
    return "stepdown" if parts[0] == "include" else parts[1]


def main(root):
    faults, files = [], 0
    for path in sorted([*root.glob("include/**/*.hpp"), *root.glob("src/**/*.?pp")]):
        files += 1
        room = room_of(path, root)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(root)}:{number}"
            code = line.split("//")[0]
            if match := re.match(r'\s*#include "([a-z_]+)/', code):
                known = match.group(1)
                if known != room and known not in MAY_KNOW[room]:
                    faults.append(f"{where}: {room} must not know {known}")
            if room != "sys" and PRIVILEGED.search(code):
                faults.append(f"{where}: only src/sys changes privileges: {code.strip()}")
            if NSS.search(code):
                faults.append(f"{where}: no NSS: {code.strip()}")
    if files == 0:
        faults.append(f"no source files below {root}")
    print("\n".join(faults) or f"{files} files, every wall stands")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
