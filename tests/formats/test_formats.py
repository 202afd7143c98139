"""The binary's reports in every format, of a process whose name is meant to break them. Needs no engine."""

import ctypes
import os
import pty
import subprocess

import pytest

from binary import BINARY
from consumers import CONSUMERS

HOSTILE = (b"<&\"'|#\x1b[2J\xff\\\n", b"%s{}]]>%d", b"ok 1 # SKIP\n1..0")


def verify(*words, **options):
    return subprocess.run([BINARY, "verify", "--receipt=off", *words], capture_output=True, text=True, **options)


@pytest.fixture(params=HOSTILE)
def hostile_pid(request):
    ctypes.CDLL(None).prctl(15, request.param, 0, 0, 0)  # PR_SET_NAME
    yield str(os.getpid())
    ctypes.CDLL(None).prctl(15, b"python3", 0, 0, 0)


@pytest.mark.parametrize("name", CONSUMERS)
def test_each_format_is_what_its_readers_expect(name, hostile_pid):
    told = verify(f"--pid={hostile_pid}", f"--format={name}")
    assert told.returncode == 1 and told.stderr == "", told  # this process never stepped down
    CONSUMERS[name](told.stdout)


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_exit_status_is_the_same_in_every_format(name):
    assert verify("--pid=4194304", f"--format={name}").returncode == 3  # above the kernel's highest: not there
    assert verify(f"--pid={os.getpid()}", f"--format={name}", "--report-only").returncode == 0
    assert verify(f"--pid={os.getpid()}", f"--format={name}", "--fail-on=critical").returncode == (os.geteuid() == 0)


def test_an_unknown_format_is_usage():
    told = verify("--format=yaml")
    assert (told.returncode, told.stdout) == (2, "") and "yaml" in told.stderr, told


@pytest.mark.parametrize("name", CONSUMERS)
def test_output_replaces_the_file_whole_and_leaves_nothing_beside_it(name, tmp_path):
    report = tmp_path / "report.prom"
    report.write_text("the last one")
    told = verify(f"--pid={os.getpid()}", f"--format={name}", f"--output={report}")
    assert (told.returncode, told.stdout) == (1, ""), told
    CONSUMERS[name](report.read_text())
    assert os.listdir(tmp_path) == ["report.prom"]


def test_output_that_cannot_be_written_is_3_and_says_so(tmp_path):
    told = verify(f"--pid={os.getpid()}", f"--output={tmp_path}/no/such")
    assert told.returncode == 3 and "no/such" in told.stderr, told


def test_a_pipe_that_nobody_reads_or_a_full_disk_is_3():
    with open("/dev/full", "w") as full:
        told = subprocess.run([BINARY, "verify", "--receipt=off", f"--pid={os.getpid()}"], stdout=full, stderr=subprocess.PIPE)
    assert told.returncode == 3 and b"standard output" in told.stderr, told


@pytest.mark.parametrize("environment, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_a_terminal_alone(environment, coloured):
    ours, theirs = pty.openpty()
    told = subprocess.Popen(
        [BINARY, "verify", "--receipt=off", f"--pid={os.getpid()}"], stdout=theirs, env={"TERM": "xterm", **environment}
    )
    told.wait()
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # a terminal whose other side is closed
        pass
    os.close(ours)
    assert (b"\x1b[31m" in shown) == coloured and b"verdict" in shown, shown


