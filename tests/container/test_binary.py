"""The file that ships: one static-PIE, nothing to load, nothing writable that need not be."""

import pathlib
import subprocess

import pytest

from harness import executable


@pytest.fixture(scope="module")
def elf():
    binary = executable("STEPDOWN_BINARY", "build/release/stepdown")
    return subprocess.run(["readelf", "-hldSW", binary], capture_output=True, text=True, check=True).stdout


def test_it_is_a_position_independent_executable_without_an_interpreter(elf):
    assert "DYN (" in elf
    assert "INTERP" not in elf
    assert "(NEEDED)" not in elf


def test_relocations_are_read_only_and_bound_at_start(elf):
    assert "GNU_RELRO" in elf
    assert "NOW" in elf


def test_no_segment_is_writable_and_executable_and_the_stack_is_not(elf):
    loads = [line for line in elf.splitlines() if line.split()[:1] == ["LOAD"] or line.split()[:1] == ["GNU_STACK"]]
    assert len(loads) >= 3
    assert not [line for line in loads if "RWE" in line]


def test_no_name_service_was_linked_in():
    link_map = pathlib.Path(executable("STEPDOWN_BINARY", "build/release/stepdown")).parent / "stepdown.map"
    text = link_map.read_text()
    assert "__libc_start_main" in text
    assert not [name for name in ("getpwnam", "getpwuid", "getgrnam", "getgrgid", "initgroups") if name in text]
