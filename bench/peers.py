"""What the bench compares: one row a case, shared by run and memory."""

import os
import shutil
import sys

USER = "10001:10001"
SETPRIV = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
           "--no-new-privs", "--"]

STEPDOWN = "stepdown"
TINI = "tini-static"
CHAIN = "tini-static, gosu, setpriv"

# name: the words in front of the app. The first word of each program is looked up in PATH (package() says whence).
START_UP = {
    "bare": [],
    STEPDOWN: ["stepdown", f"--user={USER}", "--"],
    "stepdown --no-init": ["stepdown", "--no-init", f"--user={USER}", "--"],
    TINI: ["tini-static", "-s", "--"],
    "catatonit": ["catatonit", "--"],
    "dumb-init": ["dumb-init", "--"],
    "gosu": ["gosu", USER],
    "setpriv": SETPRIV,
    "tini-static, setpriv": ["tini-static", "-s", "--", *SETPRIV],
    # After gosu there is no CAP_SETPCAP: setpriv exits 0 and leaves the bounding set as it was.
    CHAIN: ["tini-static", "-s", "--", "gosu", USER, "setpriv", "--inh-caps=-all", "--bounding-set=-all",
            "--no-new-privs", "--"],
}

# Those that stay, as PID 1, while the app runs.
SUPERVISORS = {
    STEPDOWN: START_UP[STEPDOWN],
    TINI: START_UP[TINI],
    "tini": ["tini", "-s", "--"],
    "catatonit": START_UP["catatonit"],
    "dumb-init": START_UP["dumb-init"],
}

PACKAGES = {"tini": "tini", "tini-static": "tini", "catatonit": "catatonit", "dumb-init": "dumb-init",
            "gosu": "gosu", "setpriv": "util-linux"}


def programs(stepdown):
    """Each program's path: ours is the one given, a peer is the one in PATH. A missing one ends the bench."""
    found = {"stepdown": os.path.abspath(stepdown)}
    if not os.access(stepdown, os.X_OK):
        sys.exit(f"bench: {stepdown}: no such program; build the release first (cmake --workflow --preset release)")
    for name, package in PACKAGES.items():
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
        if path is None:
            sys.exit(f"bench: {name} is not in PATH: Debian package {package}, see toolchain/packages/bench.txt")
        found[name] = os.path.realpath(path)
    return found


def command(words, found):
    return [found.get(word, word) for word in words]
