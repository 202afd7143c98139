"""Signals, orphans, terminals and credentials under the peers' names."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from conftest import PATIENCE, children, state, until

# Says each signal's number as it comes.
RECORDER = """
import signal, sys
numbers = set(range(1, 32)) - {9, 17, 19}
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
print("ready", flush=True)
while True:
    print(signal.sigwait(numbers), flush=True)
"""
STATUS = ["grep", "-E", "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):", "/proc/self/status"]


def recorder(program, *options, **kind):
    process = program.start(*options, sys.executable, "-c", RECORDER, **kind)
    assert process.stdout.readline() == "ready\n"
    return process


def end(process):
    for child in children(process.pid):
        os.kill(child, signal.SIGKILL)
    process.wait(timeout=PATIENCE)


@pytest.mark.parametrize("peer,options", [("tini", ["--"]), ("tini", ["-g", "--"]), ("dumb-init", []),
                                          ("dumb-init", ["-c"]), ("catatonit", []), ("catatonit", ["-g"])])
def test_every_signal_is_sent_on(ours, peer, options):
    process = recorder(ours[peer], *options)
    for number in sorted(set(range(1, 32)) - {9, 17, 19, 20, 21, 22}):
        process.send_signal(number)
        assert process.stdout.readline() == f"{number}\n"
    end(process)


@pytest.mark.parametrize("sent,got", [({15: 2}, [(15, 2), (3, 3)]), ({1: 31, 31: 1}, [(1, 31), (31, 1)]),
                                      ({15: 0}, [(15, None), (1, 1)]), ({20: 1}, [(1, 1)])])
def test_dumb_init_rewrites(ours, sent, got):
    options = [word for pair in sent.items() for word in ("-r", f"{pair[0]}:{pair[1]}")]
    process = recorder(ours["dumb-init"], *options)
    for number, expected in got:
        process.send_signal(number)
        if expected is not None:
            assert process.stdout.readline() == f"{expected}\n"
    end(process)


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
@pytest.mark.parametrize("alone", [False, True], ids=["group", "child"])
def test_dumb_init_stops_with_its_app_and_goes_on(ours, number, alone):
    process = recorder(ours["dumb-init"], *(["-c"] if alone else []))
    app = children(process.pid)[0]
    process.send_signal(number)
    if alone:
        assert process.stdout.readline() == f"{number:d}\n"
    else:
        until(lambda: state(app) == "T")
    until(lambda: state(process.pid) == "T")
    process.send_signal(signal.SIGCONT)
    assert process.stdout.readline() == f"{signal.SIGCONT:d}\n"
    until(lambda: state(process.pid) != "T" and state(app) != "T")
    end(process)


def test_dumb_init_has_the_app_lead_a_session(ours):
    command = ["sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$"]
    session, pid = ours["dumb-init"].run(*command).out.split()
    assert session == pid
    session, pid = ours["dumb-init"].run("-c", *command).out.split()
    assert session != pid


def test_dumb_init_ends_the_whole_group(ours):
    process = ours["dumb-init"].start("sh", "-c", "sleep 1000 & sleep 1000 & echo $!; wait")
    last = int(process.stdout.readline())
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 143
    until(lambda: not os.path.exists(f"/proc/{last}") or state(last) == "Z")


def test_dumb_init_sends_term_to_what_the_app_leaves_and_does_not_wait(ours):
    script = f"{sys.executable} -c '{RECORDER}' & echo $!; read x"
    process = ours["dumb-init"].start("sh", "-c", script, stdin=-1)
    left = int(process.stdout.readline())
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(timeout=PATIENCE) == 0
    assert process.stdout.readline() == "15\n"
    os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize("peer,options", [("dumb-init", ["-c"]), ("tini", ["-s", "--"]), ("catatonit", [])])
def test_where_it_is_not_pid_1_what_the_app_leaves_lives_on(ours, peer, options):
    process = ours[peer].start(*options, "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")
    left = int(process.stdout.readline())
    assert process.wait(timeout=PATIENCE) == 0
    time.sleep(0.2)
    assert state(left) == "S"
    os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_as_pid_1_what_the_app_leaves_gets_term_and_its_handler_runs(ours, peer):
    left = "setsid sh -c 'trap \"sleep 0.2; echo bye; exit\" TERM; kill -USR1 $PPID; while :; do sleep 0.05; done' &"
    ended = ours[peer].run("sh", "-c", f"trap 'exit 6' USR1; {left} while :; do sleep 0.05; done", as_pid_1=True)
    assert (ended.code, ended.out) == (6, "bye\n")


@pytest.mark.parametrize("options,env,warned", [([], {}, True), (["-s"], {}, False), ([], {"TINI_SUBREAPER": ""}, False),
                                                ([], {"TINI_VERBOSITY": "0"}, False)])
def test_tini_warns_where_orphans_do_not_come_to_it(ours, options, env, warned):
    assert ("zombie reaping won't work" in ours["tini"].run(*options, "--", "true", env=env).err) == warned


@pytest.mark.parametrize("peer", ["dumb-init", "catatonit"])
def test_the_others_say_nothing(ours, peer):
    assert ours[peer].run("true").err == ""


def test_tini_names_the_orphans_it_reaps(ours):
    script = "sh -c 'sleep 0.1 &'; sleep 1.5"
    for as_pid_1 in (True, False):
        err = ours["tini"].run("-w", "-s", "--", "sh", "-c", script, as_pid_1=as_pid_1).err
        assert re.search(r"Reaped zombie process with pid=\d+ name=sleep status=0", err), err
    assert "Reaped" not in ours["tini"].run("-s", "--", "sh", "-c", script).err


def test_verbosity_is_counted_and_goes_to_standard_error(ours):
    for peer, words, env in (("tini", ["-vvv", "true"], {}), ("tini", ["true"], {"TINI_VERBOSITY": "3"}), ("dumb-init", ["-v", "true"], {}),
                             ("dumb-init", ["true"], {"DUMB_INIT_DEBUG": "1"}), ("catatonit", ["true"], {"CATATONIT_DEBUG": "1"})):
        ended = ours[peer].run(*words, env=env)
        assert "Received SIGCHLD" in ended.err and ended.out == "", (peer, ended)
    for peer, env in (("tini", {"TINI_VERBOSITY": "2"}), ("dumb-init", {"DUMB_INIT_DEBUG": "0"})):
        assert "Received SIGCHLD" not in ours[peer].run("true", env=env).err, (peer, env)


def test_tini_gets_the_signal_of_its_parents_end(ours, tmp_path):
    said = tmp_path / "said"
    app = f"trap 'echo ok >{said}; exit' USR1; kill -KILL $0; while :; do sleep 0.05; done"
    parent = f"import os, subprocess; subprocess.run([{ours['tini'].path!r}, '-p', 'SIGUSR1', '--', 'sh', '-c', {app!r}, str(os.getpid())])"
    subprocess.run([sys.executable, "-c", parent], check=False)
    until(lambda: said.exists() and said.read_text() == "ok\n")


def test_catatonit_pauses_until_it_is_asked_to_stop(ours):
    for number in (signal.SIGTERM, signal.SIGINT):
        process = ours["catatonit"].start("-P")
        until(lambda: os.readlink(f"/proc/{process.pid}/cwd") == "/")
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_without_a_user_the_app_keeps_all_it_had(ours, peer):
    bare = subprocess.run(STATUS, capture_output=True, text=True, check=True).stdout
    for as_pid_1 in (True, False):
        ended = ours[peer].run(*STATUS, as_pid_1=as_pid_1)
        assert (ended.code, ended.out) == (0, bare)


@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_sockets_that_were_handed_over_are_for_the_apps_pid(ours, peer):
    """Of the peers only catatonit says so to the app; under the others sd_listen_fds(3) finds none."""
    app = 'echo $(($LISTEN_PID - $$)) $LISTEN_FDS; cat <&3'
    outer = f"echo through >$0/handed; LISTEN_PID=$$ LISTEN_FDS=1 exec {ours[peer].path} sh -c '{app}' 3<$0/handed"
    ended = subprocess.run(["sh", "-c", outer, os.path.dirname(ours[peer].path)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "0 1\nthrough\n"), ended
    other = {"LISTEN_PID": "1234567", "LISTEN_FDS": "1"}
    assert ours[peer].run("sh", "-c", "echo $LISTEN_PID", env=other).out == "1234567\n", "somebody else's"


@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_with_a_user_it_steps_down(ours, peer):
    env = {"STEPDOWN_USER": "10001:10001", "STEPDOWN_RECEIPT": "off"}
    out = ours[peer].run(*STATUS, env=env).out
    assert "Uid:\t10001\t10001\t10001\t10001\n" in out and "NoNewPrivs:\t1\n" in out and "Seccomp:\t2\n" in out
    assert re.findall(r"Cap...:\t(\w+)", out) == ["0" * 16] * 5
    assert ours[peer].run("sh", "-c", "exit 7", env=env, as_pid_1=True).code == 7


def test_one_word_of_confinement_is_the_whole_start(ours):
    ended = ours["tini"].run("true", env={"STEPDOWN_SECCOMP": "default"})
    assert ended.code == 100 and "no user named" in ended.err
    assert ours["tini"].run("true", env={"STEPDOWN_GRACE": "10s"}).code == 0


def read_until(terminal, pattern, again=b""):
    """What the terminal shows up to the pattern; `again` is typed each half second until then."""
    said, deadline = b"", time.monotonic() + PATIENCE
    while not re.search(pattern, said):
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 0.5)[0]:
            said += os.read(terminal, 4096)
        else:
            os.write(terminal, again)
    return said


def test_the_terminals_hand_over_costs_no_signal_under_dumb_init(ours):
    """dumb-init leaves its terminal, drops the first HUP and CONT, which the kernel sends for that, and a user's if they do not come.
    Here nobody leaves it: none comes unasked, and the first that is sent arrives."""
    recorder = ("import signal, sys; numbers = {1, 18, 15}; signal.pthread_sigmask(signal.SIG_BLOCK, numbers); print('ready', flush=True)\n"
                "while True: print('got', int(signal.sigwait(numbers)), flush=True)")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(ours["dumb-init"].path, ["dumb-init", sys.executable, "-c", recorder])
    said = read_until(terminal, rb"ready\r\n")
    time.sleep(0.5)
    os.kill(pid, signal.SIGHUP)
    said += read_until(terminal, rb"got 1\r\n")
    os.kill(pid, signal.SIGCONT)
    said += read_until(terminal, rb"got 18\r\n")
    os.kill(pid, signal.SIGTERM)
    said += read_until(terminal, rb"got 15\r\n")
    assert said.count(b"got") == 3, said
    os.kill(children(pid)[0], signal.SIGKILL)
    until(lambda: state(pid) == "Z")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 137
    os.close(terminal)


@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_an_interactive_shell_has_job_control(ours, peer):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(ours[peer].path, [peer, "bash", "--norc", "-m"])
    os.write(terminal, b'echo "flags: [[$-]]"; sleep 1000\n')
    read_until(terminal, rb"flags: \[\[[a-zA-Z]*m")
    read_until(terminal, rb"Stopped", again=b"\x1a")  # Ctrl-Z: the shell itself does not mind it, should it not have started the job yet
    os.write(terminal, b"kill -KILL %1; sleep 0.5; echo done$((1 + 1))\n")
    read_until(terminal, rb"done2")
    os.write(terminal, b"exit 5\nexit 5\n")  # a second time, should the shell still think of its job
    time.sleep(0.5)
    until(lambda: state(pid) == "Z")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(terminal)


STARTS = [("tini", []), ("dumb-init", []), ("dumb-init", ["-c"]), ("catatonit", []),
          ("stepdown", ["--user=10001:10001", "--receipt=off", "--"])]


def at_terminal(words):
    """A process that leads the session of a terminal of its own, and that."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(words[0], words)
    return pid, terminal


def ended(pid, terminal):
    until(lambda: state(pid) == "Z")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("name,options", STARTS)
def test_the_terminals_foreground_goes_back_to_who_had_it(ours, name, options):
    """Who reads the terminal from another group than its foreground gets an error: the script behind the program."""
    pid, terminal = at_terminal(["sh", "-c", '"$@"; read x; echo "got $x"; exit 3', "sh", ours[name].path, *options, "true"])
    os.write(terminal, b"hello\n")
    read_until(terminal, rb"got hello\r\n")
    assert ended(pid, terminal) == 3


@pytest.mark.parametrize("name,options", STARTS)
@pytest.mark.parametrize("behind_a_script", [False, True])
def test_ctrl_z_does_not_stop_an_app_that_nobody_could_continue(ours, name, options, behind_a_script):
    words = [ours[name].path, *options, "sh", "-c", 'echo up; read x; echo "got $x"; exit 4']
    pid, terminal = at_terminal(["sh", "-c", '"$@"; exit $?', "sh", *words] if behind_a_script else words)
    read_until(terminal, rb"up\r\n")
    os.write(terminal, b"\x1a")
    read_until(terminal, rb"\^Z")
    os.write(terminal, b"hello\n")
    read_until(terminal, rb"got hello\r\n", again=b"hello\n")  # what was typed before Ctrl-Z is taken is lost
    assert ended(pid, terminal) == 4


@pytest.mark.parametrize("name,options", [("dumb-init", []), ("dumb-init", ["-c"]),
                                          ("stepdown", ["--user=10001:10001", "--receipt=off", "--job-control", "--"])])
def test_ctrl_z_gives_the_shell_back_and_fg_the_app_its_terminal(ours, name, options):
    pid, terminal = at_terminal(["bash", "--norc", "--noprofile", "-i"])
    # The job's whole group is to be stopped, what it is piped to included: else the shell would go on waiting. Root's processes
    # only root may stop.
    line = " ".join([ours[name].path, *options]) + ' sh -c \'echo u""p; read x; echo "got $x" >&2\'' + (" | cat" if name == "dumb-init" else "")
    os.write(terminal, line.encode() + b"\n")
    read_until(terminal, rb"up\r\n")
    os.write(terminal, b"\x1a")
    read_until(terminal, rb"Stopped")
    until(lambda: os.tcgetpgrp(terminal) == pid)
    os.write(terminal, b"fg\n")
    until(lambda: os.tcgetpgrp(terminal) != pid)
    read_until(terminal, rb"got hello", again=b"hello\n")
    until(lambda: os.tcgetpgrp(terminal) == pid)
    os.write(terminal, b"exit 5\nexit 5\n")
    assert ended(pid, terminal) == 5


@pytest.mark.parametrize("name,options", [("dumb-init", ["-c"]), ("stepdown", ["--user=10001:10001", "--receipt=off", "--job-control", "--"])])
def test_an_app_in_the_background_stops_when_it_reads_and_gets_the_terminal_with_fg(ours, name, options):
    pid, terminal = at_terminal(["bash", "--norc", "--noprofile", "-i"])
    os.write(terminal, (" ".join([ours[name].path, *options]) + " sh -c 'read x; echo \"got $x\"' &\n").encode())
    read_until(terminal, rb"Stopped", again=b"jobs\n")
    os.write(terminal, b"fg\n")
    until(lambda: os.tcgetpgrp(terminal) != pid)
    read_until(terminal, rb"got hello", again=b"hello\n")
    until(lambda: os.tcgetpgrp(terminal) == pid)
    os.write(terminal, b"exit 5\nexit 5\n")
    assert ended(pid, terminal) == 5


@pytest.mark.parametrize("as_user", [{}, {"STEPDOWN_USER": "10001:10001", "STEPDOWN_RECEIPT": "off"}], ids=["as-is", "with-a-user"])
@pytest.mark.parametrize("peer", ["tini", "dumb-init", "catatonit"])
def test_a_script_without_its_first_line_is_the_shells(ours, theirs, folder, peer, as_user):
    script = folder / "bare-script"
    script.write_text('echo "bare $0 $*"; exit 6\n')
    script.chmod(0o755)
    env = {**as_user, "PATH": f"/no/such:{folder}:{os.environ['PATH']}"}
    for words in ([str(script), "a", "b c"], ["bare-script", "a"]):
        own, real = ours[peer].run("--", *words, env=env), theirs[peer].run("--", *words, env=env)
        assert (own.code, own.out) == (real.code, real.out) == (6, f"bare {script} {' '.join(words[1:])}\n")
    ended = ours["stepdown"].run("--user=10001", "--receipt=off", "--", str(script))
    assert ended.code == 126 and "nor a script that begins with #!" in ended.err


@pytest.mark.parametrize("peer,options", [("tini", []), ("tini", ["-e", "127", "-e", "126"]), ("tini", ["-e", "1"]), ("dumb-init", []), ("catatonit", [])])
def test_what_cannot_be_executed_has_the_peers_status(ours, theirs, folder, peer, options):
    (folder / "loop").is_symlink() or (folder / "loop").symlink_to("loop")
    (folder / "closed").write_text("#!/bin/sh\n")
    (folder / "closed").chmod(0o644)
    (folder / "lost").write_text("#!/no/such/interpreter\n")
    (folder / "lost").chmod(0o755)
    for word in ("", "no-such-program", "/no/such", str(folder), *(f"{folder}/{name}" for name in ("loop", "loop/x", "closed", "closed/x", "lost"))):
        if word == "" and options == ["-e", "127", "-e", "126"]:
            continue
        own, real = ours[peer].run(*options, "--", word), theirs[peer].run(*options, "--", word)
        assert own.code == real.code, (word, own, real)


def test_what_cannot_be_executed_is_told_in_the_kernels_words(ours, folder):
    (folder / "loop").is_symlink() or (folder / "loop").symlink_to("loop")
    for word, line in ((f"{folder}/loop", "Too many levels of symbolic links"), (f"{folder}/stepdown/x", "Not a directory")):
        ended = ours["stepdown"].run("--user=10001", "--receipt=off", "--", word)
        assert ended.code == 126 and line in ended.err, ended


@pytest.mark.parametrize("peer", ["tini", "catatonit"])
@pytest.mark.parametrize("words", ["echo -- a", "-- echo -- a", "echo -- -- a", "-g echo -- a", "-g -- echo -- a"])
def test_dashes_behind_the_program_are_the_peers_where_none_were_before(ours, theirs, peer, words):
    for env in ({}, {"POSIXLY_CORRECT": "1"}):
        assert ours[peer].run(*words.split(), env=env).out == theirs[peer].run(*words.split(), env=env).out


@pytest.mark.parametrize("written,tells", [("3", True), (" 3", True), ("+3", True), ("\t+3x", True), ("+-3", False), ("- 3", False), ("x3", False)])
def test_tinis_verbosity_is_read_as_atoi_does(ours, written, tells):
    assert ("Received SIGCHLD" in ours["tini"].run("true", env={"TINI_VERBOSITY": written}).err) == tells


@pytest.mark.parametrize("rewrite,expected", [("15:10", "10"), ("15:0", "")])
def test_dumb_inits_last_term_is_rewritten_as_any(ours, rewrite, expected):
    script = f"{sys.executable} -c '{RECORDER}' & echo $!; read x"
    process = ours["dumb-init"].start("-r", rewrite, "sh", "-c", script, stdin=-1)
    left = int(process.stdout.readline())
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(timeout=PATIENCE) == 0
    os.kill(left, signal.SIGHUP)
    said = [process.stdout.readline().strip() for _ in range(2 if expected else 1)]
    assert sorted(said) == sorted(["1", *([expected] if expected else [])])
    os.kill(left, signal.SIGKILL)
