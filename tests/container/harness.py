"""Containers of a real Docker engine, for tests: an Engine runs them, a Container is one that is running."""

import fcntl
import hashlib
import io
import itertools
import os
import pathlib
import re
import subprocess
import tarfile
import time
from dataclasses import dataclass

REPO = pathlib.Path(__file__).resolve().parents[2]
CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")

# The tests' own name for each base, and what it needs besides the binary: a user called app, the probe program.
BASES = {
    "debian": ("stepdown-test/debian:bookworm", "RUN useradd --uid 10001 --create-home app"),
    "busybox": ("stepdown-test/busybox", ""),
    "apps": ("stepdown-test/apps", "RUN useradd --uid 10001 --create-home app"),
    "peers": ("stepdown-test/peers", ""),
    "probe": ("stepdown-test/busybox", "COPY probe /"),
}


def cache_folder():
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stepdown"
    folder = pathlib.Path(os.environ.get("STEPDOWN_CACHE") or default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def executable(variable, default):
    """The program that an environment variable names. A test that cannot have it fails."""
    path = pathlib.Path(os.environ.get(variable) or REPO / default)
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is not there: build it, or name another in {variable}")
    return path


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def all(self):
        return self.out + self.err


def run_for_bytes(argv, *, input=None, timeout=120, env=None):
    return subprocess.run([str(word) for word in argv], input=input, capture_output=True, timeout=timeout, env=env)


def run_program(argv, *, input=None, timeout=120, env=None):
    done = run_for_bytes(argv, input=input, timeout=timeout, env=env)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def parse_status(text):
    """proc_pid_status(5) of one process, its numbers as numbers."""
    raw = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    raw = {key: value.strip() for key, value in raw.items()}
    numbers = {key: [int(word) for word in raw[key].split()] for key in ("Uid", "Gid", "Groups")}
    return {
        "pid": int(raw["Pid"]),
        "parent": int(raw["PPid"]),
        "name": raw["Name"],
        "state": raw["State"][0],
        "uid": numbers["Uid"],
        "gid": numbers["Gid"],
        "groups": numbers["Groups"],
        "capabilities": {name: int(raw[name], 16) for name in CAPABILITY_SETS},
        "no_new_privs": int(raw["NoNewPrivs"]),
        "seccomp": int(raw["Seccomp"]),
        "filters": int(raw.get("Seccomp_filters", -1)),
    }


def parse_statuses(text):
    return [parse_status("Name:" + part) for part in re.split(r"^Name:", text, flags=re.M)[1:]]


def below_pid_1(processes):
    """PID 1 and its descendants. Who entered beside it, our own cat included, has a parent outside, told as 0."""
    known = {process["pid"]: process for process in processes}

    def top(pid):
        while known[pid]["parent"] in known:
            pid = known[pid]["parent"]
        return pid

    return sorted((known[pid] for pid in known if top(pid) == 1), key=lambda process: process["pid"])


def assert_stepped_down(process, *, uid, gid=None, filters, groups=(), bounding=0):
    """Everything that a stepped-down process has to be, in the kernel's words. groups and bounding: what a start without
    the right to change them cannot give up, and no_new_privs makes worthless."""
    gid = uid if gid is None else gid
    assert process["uid"] == [uid] * 4, process
    assert process["gid"] == [gid] * 4, process
    assert process["groups"] == list(groups), process
    assert process["capabilities"] == {**dict.fromkeys(CAPABILITY_SETS, 0), "CapBnd": bounding}, process
    assert process["no_new_privs"] == 1, process
    assert (process["seccomp"], process["filters"]) == (2, filters), process


def assert_tree_stepped_down(processes, **wanted):
    assert processes and processes[0]["pid"] == 1, processes
    for process in processes:
        assert_stepped_down(process, **wanted)


class Container:
    """One that runs in the background."""

    def __init__(self, engine, identifier):
        self.engine = engine
        self.id = identifier

    def exec(self, *argv, user="0", options=(), timeout=120):
        return self.engine.docker("exec", f"--user={user}", *options, self.id, *argv, timeout=timeout)

    def logs(self):
        return self.engine.docker("logs", self.id).all

    def inspect(self, template):
        return self.engine.must("inspect", "--format", template, self.id).out.strip()

    @property
    def running(self):
        return self.inspect("{{.State.Running}}") == "true"

    @property
    def exit_code(self):
        return int(self.inspect("{{.State.ExitCode}}"))

    def wait(self, timeout=60):
        """Until it has ended; its exit code."""
        return int(self.engine.must("wait", self.id, timeout=timeout).out)

    def stop(self, grace=10):
        """docker stop: how many seconds it took, and the exit code."""
        began = time.monotonic()
        self.engine.must("stop", f"--time={grace}", self.id, timeout=grace + 60)
        return time.monotonic() - began, self.exit_code

    def kill(self, signal):
        self.engine.must("kill", f"--signal={signal}", self.id)

    def processes(self):
        """PID 1 and all below it, each as parse_status() tells it."""
        shown = self.exec("sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null")
        return below_pid_1(parse_statuses(shown.out))

    def until(self, condition, timeout=60, what="condition"):
        """Asks again and again until condition() is true; a container that ends meanwhile is a failure."""
        deadline = time.monotonic() + timeout
        while not condition():
            if not self.running:
                raise AssertionError(f"ended with {self.exit_code} while waiting for {what}:\n{self.logs()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} after {timeout} s:\n{self.logs()}")
            time.sleep(0.1)

    def until_says(self, text, **options):
        self.until(lambda: text in self.logs(), what=repr(text), **options)

    def until_answers(self, *argv, **options):
        """Until the command, run beside it, exits 0."""
        self.until(lambda: self.exec(*argv).code == 0, what=" ".join(argv), **options)


class Engine:
    """A Docker engine, and the images under test in it: each base with the binary in its root."""

    def __init__(self, docker, host, binary):
        self.program = docker
        self.host = host
        self.binary = binary
        self.containers = []
        self.images = {}
        self.numbers = itertools.count()

    def docker(self, *argv, **options):
        return run_program([self.program, "-H", self.host, *argv], **options)

    def docker_bytes(self, *argv):
        return run_for_bytes([self.program, "-H", self.host, *argv]).stdout

    def must(self, *argv, **options):
        result = self.docker(*argv, **options)
        assert result.code == 0, f"docker {' '.join(map(str, argv))}: {result.all}"
        return result

    def image(self, name):
        if name in BASES and name not in self.images:
            self.images[name] = self._add_layer(name)
        return self.images.get(name, name)

    def _add_layer(self, name):
        base, line = BASES[name]
        files = {"stepdown": (self.binary.read_bytes(), 0o755)}
        if name == "probe":
            files["probe"] = (executable("STEPDOWN_PAYLOAD", "build/release/probe").read_bytes(), 0o755)
        return self.build(f'FROM {base}\n{line}\nCOPY stepdown /\nENTRYPOINT ["/stepdown"]', files, name)

    def build(self, dockerfile, files=None, name="derived", network="none"):
        """An image of these lines, with files by name: (bytes, mode). Built once for the same content."""
        files = dict(files or {}, Dockerfile=(dockerfile.encode(), 0o644))
        digest = hashlib.sha256()
        for path in sorted(files):
            content, mode = files[path]
            digest.update(f"{path}\0{mode}\0{len(content)}\0".encode() + content)
        tag = f"stepdown-test/{name}-under-test:{digest.hexdigest()[:12]}"
        with open(cache_folder() / "under-test.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.docker("image", "inspect", tag).code != 0:
                built = self.try_build(files, tag, network)
                assert built.code == 0, built.all
        return tag

    def try_build(self, files, tag=None, network="none"):
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            for path, (content, mode) in files.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
        options = [f"--network={network}", "--force-rm", "--label=stepdown.under-test=1"] + ([f"--tag={tag}"] if tag else [])
        env = dict(os.environ, DOCKER_BUILDKIT="0")
        return self.docker("build", *options, "-", input=context.getvalue(), timeout=600, env=env)

    def _words(self, image, command, stepdown, docker, entrypoint):
        image = self.image(image)
        if stepdown is None:  # the image as it was
            entrypoint, command = command[0], command[1:]
        elif stepdown:
            command = [*stepdown, "--", *command]
        entry = [f"--entrypoint={entrypoint}"] if entrypoint else []
        return ["--network=none", *docker, *entry, image, *command]

    def run(self, *command, image="debian", stepdown=("--user=app",), docker=(), entrypoint=None, **options):
        """A container from start to end. stepdown: its options; None: without it; (): command is all its words."""
        name = f"stepdown-test-{os.getpid()}-{next(self.numbers)}"
        words = self._words(image, command, stepdown, docker, entrypoint)
        try:
            return self.docker("run", "--rm", f"--name={name}", *words, **options)
        except subprocess.TimeoutExpired:  # that was the client; the container would go on
            self.docker("rm", "-f", name)
            raise

    def start(self, *command, image="debian", stepdown=("--user=app",), docker=(), entrypoint=None):
        """The same in the background."""
        words = self._words(image, command, stepdown, docker, entrypoint)
        container = Container(self, self.must("run", "-d", *words).out.strip())
        self.containers.append(container)
        return container

    def remove_containers(self):
        if self.containers:
            self.docker("rm", "-f", "-v", *(container.id for container in self.containers))
            self.containers.clear()

    def without_stepdown(self, *docker):
        """What a process is that the engine starts with these docker options."""
        return parse_status(self.run("cat", "/proc/self/status", image="busybox", stepdown=None, docker=docker).out)

    def forget_old_images(self):
        """Every build of the binary leaves images; after two days nobody runs them any more."""
        self.docker("image", "prune", "-af", "--filter=label=stepdown.under-test", "--filter=until=48h")
