"""The peers' command lines and variables: the real program and ours are run, and must end and print alike."""

import pathlib
import runpy

import pytest

TINI_APPS = [
    (["true"], {}),
    (["false"], {}),
    (["--", "sh", "-c", "exit 7"], {}),
    (["-vvv", "--", "sh", "-c", "echo out; exit 7"], {"TINI_VERBOSITY": "0"}),
    (["-g", "-s", "--", "echo", "-g", "a"], {}),
    (["-gs", "--", "echo", "a"], {}),
    (["-e", "7", "--", "sh", "-c", "exit 7"], {}),
    (["-e7", "-e", "143", "--", "sh", "-c", "kill -TERM $$"], {}),
    (["-e", "8", "--", "sh", "-c", "exit 7"], {}),
    (["echo", "--", "-v"], {}),
    (["-p", "SIGTERM", "--", "echo", "a"], {}),
    (["--", "--", "true"], {}),
    (["sh", "--", "-c", "exit 3"], {"TINI_SUBREAPER": "", "TINI_KILL_PROCESS_GROUP": "0"}),
    (["/no/such"], {}),
    (["no-such"], {}),
    (["/etc"], {}),
    (["/etc/passwd"], {}),
    (["--", "sh", "-c", "kill -KILL $$"], {}),
]
TINI_ENDS = [["--version"], ["-h"], ["-l"], [], ["-z"], ["-z", "true"], ["-e", "256", "true"], ["-e", "x", "true"],
             ["-e", "-1", "true"], ["-p", "TERM", "true"], ["-p", "SIGNONE", "true"], ["-e"], ["-p"], ["--version", "x"]]

DUMB_INIT_APPS = [
    (["true"], {}),
    (["false"], {}),
    (["sh", "-c", "exit 7"], {}),
    (["--", "sh", "-c", "exit 255"], {}),
    (["-c", "echo", "-c", "a"], {}),
    (["--single-child", "sh", "-c", "kill -QUIT $$"], {}),
    (["--single", "echo", "a"], {}),
    (["-r", "15:2", "--rewrite", "1:0", "--rewrite=31:1", "-r2:3", "echo", "a"], {}),
    (["-v", "echo", "a"], {}),
    (["-vc", "echo", "a"], {}),
    (["echo", "a"], {"DUMB_INIT_DEBUG": "1", "DUMB_INIT_SETSID": "0"}),
    (["echo", "a"], {"DUMB_INIT_DEBUG": "", "DUMB_INIT_SETSID": ""}),
    (["/no/such"], {}),
    (["--", "/no/such"], {}),
    (["-c", "/no/such"], {"DUMB_INIT_DEBUG": "1"}),
    (["--single-child", "--", "/no/such"], {"DUMB_INIT_SETSID": "0"}),
    (["/etc"], {}),
]
DUMB_INIT_ENDS = [["-h"], ["--help"], ["-V"], ["--version"], ["--vers"], [], ["-c"], ["--yolo", "true"], ["-z", "true"],
                  ["--ver", "true"], ["-r"], ["-r", "", "true"], ["-r", "15", "true"], ["-r", "15:derp", "true"],
                  ["-r", "15::12", "true"], ["-r", "1:32", "true"], ["-r", "32:1", "true"], ["-r", "0:1", "true"],
                  ["--help=1", "true"], ["--rewrite"], ["-r", "herp", "true"], ["-r", "herp:derp", "true"], ["-r", "15:12", "-r"],
                  ["-r", "15:12", "-r", "0", "true"], ["-r", "15:12", "-r", "1:32", "true"]]

CATATONIT_APPS = [
    (["true"], {}),
    (["--", "sh", "-c", "exit 7"], {}),
    (["-g", "--", "echo", "-g"], {"CATATONIT_DEBUG": ""}),
    (["--", "sh", "-c", "kill -TERM $$"], {}),
    (["/no/such"], {}),
    (["/etc/passwd"], {}),
]
CATATONIT_ENDS = [["-h"], ["-V"], ["--version"], ["-L"], [], ["-g"], ["-z"], ["--none"]]

APPS = [(peer, *case) for peer, cases in (("tini", TINI_APPS), ("dumb-init", DUMB_INIT_APPS),
                                          ("catatonit", CATATONIT_APPS)) for case in cases]
ENDS = [(peer, words) for peer, cases in (("tini", TINI_ENDS), ("dumb-init", DUMB_INIT_ENDS),
                                          ("catatonit", CATATONIT_ENDS)) for words in cases]


def told(ended):
    """Which of the two streams something was written to."""
    return bool(ended.out), bool(ended.err)


@pytest.mark.parametrize("as_pid_1", [True, False], ids=["pid_1", "child"])
@pytest.mark.parametrize("peer,words,env", APPS, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_the_app_starts_and_ends_as_under_the_peer(ours, theirs, peer, words, env, as_pid_1):
    real = theirs[peer].run(*words, env=env, as_pid_1=as_pid_1)
    own = ours[peer].run(*words, env=env, as_pid_1=as_pid_1)
    assert own.code == real.code, (real, own)
    # tini writes what it tells at higher verbosity to standard output, among the app's; ours never.
    assert own.out == "".join(line for line in real.out.splitlines(True) if "tini (" not in line)


@pytest.mark.parametrize("peer,words", ENDS, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_help_version_and_mistakes_end_as_under_the_peer(ours, theirs, peer, words):
    real = theirs[peer].run(*words)
    own = ours[peer].run(*words)
    assert (own.code, told(own)) == (real.code, told(real)), (real, own)


@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_the_version_begins_as_the_peers(ours, theirs, peer):
    real, own = (programs[peer].run("--version") for programs in (theirs, ours))
    said = (real.out + real.err).strip()
    assert (own.out + own.err).startswith(said + " (stepdown ")


def test_the_first_word_can_be_the_peers_name(ours):
    assert ours["stepdown"].run("tini", "-e", "7", "--", "sh", "-c", "exit 7").code == 0
    assert ours["stepdown"].run("dumb-init", "/no/such").code == 2
    assert ours["stepdown"].run("catatonit", "/no/such").code == 1


def test_a_peers_program_does_not_read_its_apps_options(ours, theirs):
    """tini ls -l prints tini's licence: getopt(3) looks past the program."""
    assert ours["tini"].run("echo", "-l").out == "-l\n"
    assert ours["catatonit"].run("echo", "-V").out == "-V\n"
    assert "MIT" in theirs["tini"].run("echo", "-l").out


def test_tini_tells_the_terms_of_what_is_in_it(ours, theirs):
    """In its own words, and with all that the packages' inventory knows."""
    parts = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "packaging/inventory"))["PARTS"]
    said = ours["tini"].run("-l")
    assert said.code == 0 and said.out.startswith("This is stepdown, called tini."), said
    told = [tuple(line.strip().split("  ", 1)) for line in said.out.splitlines() if line.startswith("  ")]
    assert [(name, licence.strip()) for name, licence in told] == [(part.name, part.licence) for part in parts]
    assert not set(said.out.splitlines()) & (set(theirs["tini"].run("-l").out.splitlines()) - {""})
