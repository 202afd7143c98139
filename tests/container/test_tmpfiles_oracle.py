"""tmpfiles.d(5) lines do what systemd-tmpfiles 252 does with them: the same lines in two copies of a tree, one carried
out by each, and the trees compared: names, types, modes, owners, content, targets. No container engine is needed."""

import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

from harness import cache_folder, executable, run_program

ORACLE = "systemd-tmpfiles"
OURS_ALONE = {"stepdown", "lines.conf"}
UNSUPPORTED = "FvqQbcxXtThHaA"


def is_taken(line):
    """Whether a line is of a type that a container's start can need; "^" is a credential of a service manager."""
    kind = line.split()[0] if line.strip() else "#"
    return kind[0] not in UNSUPPORTED and "^" not in kind


ACCOUNTS = {"passwd": ["root:x:0:0::/root:/bin/sh", "app:x:1000:1001::/home/app:/bin/sh", "web:x:33:33::/:/bin/false"],
            "group": ["root:x:0:", "app:x:1001:", "web:x:33:", "adm:x:4:app", "utmp:x:43:"]}


@pytest.fixture(scope="module")
def binary():
    return executable("STEPDOWN_BINARY", "build/release/stepdown")


def accounts_for(lines):
    """passwd and group with every name that the lines use."""
    files = {name: list(entries) for name, entries in ACCOUNTS.items()}
    known = {name: {entry.split(":")[0] for entry in entries} for name, entries in files.items()}
    for number, line in enumerate(lines):
        words = line.split()
        for field, name in ((3, "passwd"), (4, "group")):
            word = words[field].lstrip(":") if len(words) > field else "-"
            if re.fullmatch(r"[a-z_][\w-]*", word) and word not in known[name]:
                identifier = 2000 + 2 * number + field
                known[name].add(word)
                files[name].append(f"{word}:x:{identifier}:" + (f"{identifier}::/:/bin/false" if name == "passwd" else ""))
    return {name: "\n".join(entries) + "\n" for name, entries in files.items()}


def make_root(root, lines, prepare):
    (root / "etc").mkdir(parents=True)
    for name, text in accounts_for(lines).items():
        (root / "etc" / name).write_text(text)
    for folder in ("run", "tmp", "var/lib", "var/log", "var/cache", "usr/share/factory/etc"):
        (root / folder).mkdir(parents=True)
    done = subprocess.run(["sh", "-euc", prepare], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def tree_of(root):
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = pathlib.Path(folder) / name
            inner = str(path.relative_to(root))
            if inner.split("/")[0] in OURS_ALONE:
                continue
            now = path.lstat()
            if stat.S_ISLNK(now.st_mode):
                content, mode = os.readlink(path), None
            else:
                content, mode = path.read_bytes() if stat.S_ISREG(now.st_mode) else None, stat.S_IMODE(now.st_mode)
            found[inner] = (stat.S_IFMT(now.st_mode), mode, now.st_uid, now.st_gid, content)
    return found


def run_oracle(root, lines):
    conf = root.parent / "oracle.conf"
    conf.write_text("\n".join(lines) + "\n")
    env = {name: value for name, value in os.environ.items() if name not in ("TMPDIR", "TEMP", "TMP")}  # what %T is
    return run_program([ORACLE, "--create", "--remove", "--boot", f"--root={root}", conf], env=env)


def run_ours(root, lines, binary):
    (root / "lines.conf").write_text("\n".join(lines) + "\n")
    shutil.copy(binary, root / "stepdown")
    options = ["--user=65534:65534", "--receipt=off", "--setup-file=/lines.conf", "--log-level=warn"]
    return run_program(["chroot", root, "/stepdown", *options, "--", "/stepdown", "--version"], env={"PATH": "/usr/sbin:/usr/bin"})


def both(tmp_path, lines, binary, prepare=":"):
    trees = []
    for name, run in (("theirs", run_oracle), ("ours", lambda root, text: run_ours(root, text, binary))):
        root = tmp_path / name
        make_root(root, lines, prepare)
        os.umask(0o022)
        result = run(root, lines)
        trees.append((result, tree_of(root)))
    return trees


def assert_same(theirs, ours):
    differences = {path: (theirs.get(path), ours.get(path))
                   for path in theirs.keys() | ours.keys() if theirs.get(path) != ours.get(path)}
    assert not differences, "theirs, ours:\n" + "\n".join(f"{path}: {pair}" for path, pair in sorted(differences.items()))


# name: (what is there before, the lines)
TORTURE = {
    "directories": (":", ["d /run/a", "d /run/b/c/d 0700 app adm", "d /run/e 2770 app app", "d /run/f 1777"]),
    "directory that exists": ("mkdir -m 0711 run/a; chown 33:33 run/a; mkdir -m 0700 run/b", ["d /run/a", "d /run/b 0755 app -"]),
    "only when new": ("mkdir -m 0711 run/a", ["d /run/a :0750 :app :app", "d /run/b :0750 :app :app"]),
    "empties": ("mkdir -p run/a/b/c; touch run/a/f run/a/b/g; ln -s /etc run/a/l", ["D /run/a 0750 app app", "D /run/new"]),
    "files": (":", ["f /run/a", "f /run/b 0600 app app - text", r"f /run/c - - - - two\nlines\x41", "f /run/d/e/f 0640"]),
    "file that exists": ("echo old >run/a; echo old >run/b; chmod 600 run/a run/b", ["f /run/a 0644 app - - new", "f+ /run/b 0640 - - - new"]),
    "truncates without an argument": ("echo old >run/a", ["f+ /run/a"]),
    "base64": (":", ["f~ /run/a - - - - SGVsbG8KAGI="]),
    "writes": ("echo old >run/a; echo old >run/b; mkdir run/d; echo x >run/d/1; echo y >run/d/2", ["w /run/a - - - - new", "w+ /run/b - - - - more", "w /run/d/* - - - - z", "w /run/none - - - - z"]),
    "appends several lines": ("echo old >run/a", [r"w+ /run/a - - - - 1\n", r"w+ /run/a - - - - 2\n"]),
    "links": ("ln -s /a run/same; ln -s /other run/stays; touch run/file", ["L /run/a - - - - /etc/passwd", "L /run/b - - - - ../x", "L /run/same - - - - /a", "L /run/stays - - - - /a", "L /run/file - - - - /a", "L /etc/motd"]),
    "links that replace": ("ln -s /other run/a; mkdir -p run/b/c; touch run/b/c/d run/f", ["L+ /run/a - - - - /x", "L+ /run/b - - - - /x", "L+ /run/f - - - - /x"]),
    "links with owners": ("ln -s /a run/same; ln -s /other run/else; ln -s /other run/else2; touch run/file; mkdir run/dir run/dir2", ["L /run/a - app app - x", "L /run/same - app app - /a", "L /run/else - app app - /a", "L /run/file 0600 app app - /a", "L /run/dir 0700 app app - /a", "L+ /run/b 0755 app web - /x", "L= /run/dir2 - app app - /y", "L+ /run/else2 - app app - /n", "L /run/new - :app :app - q"]),
    "pipes": ("mkfifo -m 600 run/old; touch run/file", ["p /run/a", "p /run/b 0660 app adm", "p /run/old 0640 - app", "p+ /run/file 0622"]),
    "copies": ("mkdir -p usr/share/factory/etc/d/e; echo 1 >usr/share/factory/etc/d/f; ln -s f usr/share/factory/etc/d/l; chmod 700 usr/share/factory/etc/d/e; chown 33:33 usr/share/factory/etc/d/f; echo m >usr/share/factory/etc/m", ["C /etc/d", "C /etc/m", "C /run/x/y - - - - /usr/share/factory/etc/d", "C /etc/none"]),
    "copies with owner and mode": ("mkdir -p src/e; echo 1 >src/f; chmod 600 src/f", ["C /run/c 0750 app adm - /src", "C /run/f 0644 app app - /src/f"]),
    "copies into what is there": ("mkdir -p src run/full run/empty; echo 1 >src/f; touch run/full/x; echo old >run/file; echo 1 >one", ["C /run/full - - - - /src", "C /run/empty - - - - /src", "C /run/file - - - - /one"]),
    "copies into an empty directory of another's": ("mkdir -p seed/x run/a run/b run/c; echo 1 >seed/f; chown -R 44:44 seed; chmod 0711 run/a run/b run/c; chown 33:33 run/a run/b run/c", ["C /run/a - - - - /seed", "C /run/b 0750 app app - /seed", "C /run/c - app - - /seed"]),
    "copies over another type": ("mkdir -m 711 run/a run/t; echo x >file; ln -s /file run/l; ln -s t run/d; mkdir sd; touch sd/x; echo y >run/f; chmod 640 run/f; echo z >run/same; chmod 640 run/same", ["C /run/a 0600 app app - /file", "C /run/l 0600 app app - /file", "C /run/d 0700 app app - /sd", "C /run/f 0711 app app - /sd", "C /run/same 0711 app app - /file"]),
    "special bits of root's": ("touch run/a run/b run/c run/d run/e; chmod 4755 run/a; chmod 2755 run/b; chmod 6755 run/c run/d; chmod 4755 run/e; mkdir -m 2775 run/dir; mkdir run/tree; touch run/tree/s run/tree/p; chmod 4755 run/tree/s", ["z /run/a - app app", "z /run/b - app app", "f /run/c - app app", "z /run/d - - app", "z /run/e 0755 app app", "z /run/dir - app app", "Z /run/tree - app app"]),
    "adjusts": ("touch run/a run/b; chmod 600 run/a; mkdir run/d; touch run/d/f", ["z /run/a 0644 app app", "z /run/d/* 0600 app -", "z /run/none 0644", "m /run/b 0711"]),
    "adjusts trees": ("mkdir -p run/d/e/f; touch run/d/1 run/d/e/2; chmod 755 run/d/1; ln -s /etc/passwd run/d/l; mkfifo run/d/p", ["Z /run/d 0750 app app"]),
    "masks": ("mkdir -p run/d/e; touch run/d/plain run/d/prog run/d/ro run/d/suid run/d/none; chmod 644 run/d/plain; chmod 755 run/d/prog; chmod 444 run/d/ro; chmod 4755 run/d/suid; chmod 0 run/d/none", ["Z /run/d ~2775 app app"]),
    "masks what is new": (":", ["d /run/a ~2750", "f /run/b ~0777"]),
    "patterns": ("mkdir -p run/a/x run/b/x run/.c/x; touch run/a/x/1 run/b/x/2 run/.c/x/3 run/a/y", ["Z /run/[ab]/x 0700 app app", "z /run/*/y 0640 web web", "z /run/{a,b} 0711"]),
    "existing directories": ("mkdir -p run/a run/b; touch run/f", ["e /run/* 0700 app app", "e /run/none 0700"]),
    "removes": ("touch run/a run/b run/.h; mkdir run/empty run/full; touch run/full/x; ln -s /etc run/l", ["r /run/a", "r /run/empty", "r /run/l", "r /run/none", "r /run/[b]", "r /run/*"]),
    "removes trees": ("mkdir -p run/a/b/c run/k; touch run/a/b/c/d run/a/f run/k/x; ln -s /etc run/a/l; ln -s /run/k run/l", ["R /run/a", "R /run/l", "R /run/none", "R /run/q*"]),
    "removes before it makes": ("mkdir -p run/a; touch run/a/old", ["d /run/a 0750 app app", "f /run/a/new", "R /run/a/*"]),
    "what is above comes first": (":", ["f /run/a/b/c 0600 app app", "d /run/a/b 0710 app app", "d /run/a 0700 app web"]),
    "the first line counts": (":", ["d /run/a 0700 app app", "d /run/a 0755 web web", "f /run/a", "z /run/a 0711"]),
    "the first line counts, whatever its sign": ("echo old >run/a; echo old >run/b; echo old >run/c; mkdir s1 s2; touch s1/a s2/b", ["f /run/a - - - - new", "f+ /run/a - - - - newer", "f+ /run/b - - - - one", "f /run/b - - - - two", "w /run/c - - - - one", "w+ /run/c - - - - two", "L /run/l - - - - /1", "L+ /run/l - - - - /2", "L+ /run/m - - - - /1", "L+ /run/m - - - - /2", "p+ /run/p 0600", "p+ /run/p 0640", "C /run/x - - - - /s1", "C+ /run/x - - - - /s2"]),
    "lines that agree": ("mkdir run/x run/y run/z run/e; touch run/x/f run/y/f run/z/f; echo old >run/a", ["d /run/x", "D /run/x", "D /run/y 0700", "d /run/y 0755", "d /run/z - - - 10d", "D /run/z", "f /run/a - - - - new", "f+ /run/a - - - - new", "d /run/b :0750", "d /run/b 0750", "d /run/e", "f /run/e", "e /run/e 0711"]),
    "several for one path": (":", ["d /run/a 0700 app app", "z /run/a 0711 web -", "Z /run/a - - adm"]),
    "replaces other types": ("touch run/a; mkdir run/b; mkfifo run/c; ln -s /x run/d", ["d= /run/a 0750", "f= /run/b 0640", "L= /run/c - - - - /y", "p= /run/d 0600"]),
    "boot lines": ("touch run/a", ["r! /run/a", "d! /run/b 0711"]),
    "may fail": ("touch run/a", ["d- /run/a/b", "d /run/c"]),
    "quotes": (":", ['d "/run/a b" 0750 app app', r"d '/run/c d'", r"f /run/e\\f - - - - x", 'f "/run/q\\"q" - - - - "quoted"']),
    "specifiers": (":", ["f /run/%%e - - - - 100%%", "d %T/t", "d %V/v"]),
    "numbers": (":", ["d /run/a 0750 12345 54321", "f /run/b 0640 0 4"]),
    "comments": (":", ["# comment", "", "   # another", "  d   /run/a\t0700   app  app  -   -  "]),
    "ages": (":", ["d /run/a 0755 root root 10d", "d /run/b - - - ~1w", "d /run/c - - - bmA:1h"]),
    "slashes": (":", ["d /run//a///b/", "d /run/./c"]),
    "var run": ("ln -s /run var/run", ["d /var/run/a 0750 app app", "f /var/run/b/c"]),
    "special bits": ("touch run/s; chmod 755 run/s", ["z /run/s 4755 app app", "f /run/t 2755 app adm", "d /run/u 3775 app adm"]),
    "setgid parents": ("mkdir run/g; chown 0:4 run/g; chmod 2775 run/g", ["d /run/g/a", "d /run/g/b 0755 - -", "f /run/g/c", "p /run/g/d", "d /run/g/x/y 0700 app app"]),
}


@pytest.mark.parametrize("name", TORTURE)
def test_torture(name, tmp_path, binary):
    prepare, lines = TORTURE[name]
    (theirs, their_tree), (ours, our_tree) = both(tmp_path, lines, binary, prepare)
    assert_same(their_tree, our_tree)
    # 73 is theirs for a line that could not be carried out; a failing line of ours ends the start, unless it may fail
    assert (theirs.code in (0, 65)) == (ours.code == 0), (theirs, ours)


def packages():
    lines = (pathlib.Path(__file__).parent / "tmpfiles_packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def files_of_package(package, folder):
    """The tmpfiles.d files of a Debian package, downloaded once into the cache."""
    archives = cache_folder() / "tmpfiles-packages"
    kept = archives / package
    if not kept.is_dir():
        folder.mkdir()
        got = subprocess.run(["apt-get", "-q", "download", package], cwd=folder, capture_output=True, text=True)
        assert got.returncode == 0, got.stderr
        (archive,) = folder.glob("*.deb")
        unpacked = folder / "unpacked"
        subprocess.run(["dpkg-deb", "--extract", archive, unpacked], check=True)
        archives.mkdir(exist_ok=True)
        part = archives / f"{package}.{os.getpid()}"
        part.mkdir()
        for found in sorted(unpacked.glob("usr/lib/tmpfiles.d/*.conf")):
            shutil.copy(found, part)
        part.rename(kept)
    return sorted(kept.glob("*.conf"))


def test_there_are_enough_packages():
    assert len(set(packages())) >= 30


@pytest.mark.parametrize("package", packages())
def test_package(package, tmp_path, binary):
    files = files_of_package(package, tmp_path / "download")
    assert files, f"{package} has no tmpfiles.d file any more: take it off the list"
    lines = [line for file in files for line in file.read_text().splitlines()]
    taken = [line for line in lines if is_taken(line)]
    (theirs, their_tree), (ours, our_tree) = both(tmp_path, taken, binary)
    assert ours.code == 0, ours
    assert_same(their_tree, our_tree)
    refused = [line for line in lines if not is_taken(line)]
    if refused:
        root = tmp_path / "refused"
        make_root(root, refused, ":")
        result = run_ours(root, refused[:1], binary)
        assert result.code == 100 and f'type "{refused[0].split()[0]}"' in result.err, result
