"""PID 1 against a model of it: random sequences of signals, orphans, stops and ends, done to the real process, which must be
where the model is after each. MODEL_SECONDS has it run for longer, MODEL_SEED repeats one run."""

import os
import random
import re
import signal
import sys
import time

from conftest import PATIENCE, children, pid_1

DRAIN = 0.4
GRACE = 0.4
DELAY = 0.1
REWRITES = {signal.SIGUSR1: signal.SIGUSR2, signal.SIGWINCH: signal.SIGTERM, signal.SIGHUP: None}
SENT = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 34, 45, 64]
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}

# Blocks every signal and does what it is told, a line at a time.
ACTOR = """
import os, select, signal, sys
every = set(range(1, 65)) - {9, 19, 17, 32, 33}
signal.pthread_sigmask(signal.SIG_BLOCK, every)
def orphan(kind):
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            os.setpgid(0, 0)  # or the kernel would hang up on a group with a stopped member when the app ends
            if kind == "deaf":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, every)
            if kind == "stopped":
                os.kill(os.getpid(), signal.SIGSTOP)
            while kind != "brief":
                signal.pause()
        os._exit(0)
    os.waitpid(middle, 0)
print("ready", flush=True)
while True:
    got = signal.sigtimedwait(every, 0.002)
    if got:
        print("got", got.si_signo, flush=True)
    if select.select([0], [], [], 0)[0]:
        told = os.read(0, 64).decode().split()
        if not told:
            continue  # nobody tells it anything any more: it waits to be killed
        word, number = (told + ["0"])[:2]
        if word == "exit":
            os._exit(int(number))
        if word == "die":
            signal.signal(int(number), signal.SIG_DFL) if int(number) != 9 else None
            signal.pthread_sigmask(signal.SIG_UNBLOCK, every)
            os.kill(os.getpid(), int(number))
        orphan(word)
        print("done", flush=True)
"""


class Model:
    """What docs/supervise.md says, as far as these events go."""

    def __init__(self, timed, delayed):
        self.timed = timed
        self.delayed = delayed
        self.stopping = False
        self.orphans = {"waiting": 0, "deaf": 0, "stopped": 0}

    def signal(self, number):
        """What the app gets, at the earliest when; None: nothing."""
        to = REWRITES.get(number, number)
        stops = to is not None and (number in STOPS or to in STOPS)
        self.earliest = time.monotonic() + (DELAY if stops and self.delayed and not self.stopping else 0)
        self.stopping = self.stopping or stops
        return to

    def living(self):
        return sum(self.orphans.values())


class Real:
    def __init__(self, ours, timed, delayed):
        options = [f"--signal={a:d}={'drop' if b is None else int(b)}" for a, b in REWRITES.items()]
        options += [f"--drain={int(DRAIN * 1000)}ms", f"--grace={int(GRACE * 1000)}ms" if timed else "--grace=1h"]
        options += [f"--stop-delay={int(DELAY * 1000)}ms"] if delayed else []
        self.process = ours["stepdown"].start("--user=10001:10001", "--receipt=off", "--log-level=info", *options, "--",
                                              sys.executable, "-c", ACTOR, as_pid_1=True, stdin=-1)
        assert self.process.stdout.readline() == "ready\n"
        self.pid = pid_1(self.process)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def children(self):
        return len(children(self.pid))

    def settles_at(self, count):
        deadline = time.monotonic() + PATIENCE
        while self.children() != count:
            assert time.monotonic() < deadline, f"{self.children()} children in place of {count}"
            time.sleep(0.002)

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


def one_life(ours, chance):
    model = Model(timed=chance.random() < 0.3, delayed=chance.random() < 0.3)
    real = Real(ours, model.timed, model.delayed)
    steps = []
    for _ in range(chance.randrange(12)):
        step = chance.choice(["signal"] * 4 + ["brief", "waiting", "deaf", "stopped"])
        if step == "signal":
            number = chance.choice(SENT)
            steps.append(f"signal {number}")
            expected = model.signal(number)
            os.kill(real.pid, number)
            if expected is not None:
                assert real.process.stdout.readline() == f"got {expected:d}\n", steps
                assert time.monotonic() >= model.earliest, steps
            if model.stopping and model.timed:
                break
        else:
            steps.append(step)
            real.tell(step)
            assert real.process.stdout.readline() == "done\n", steps
            if step != "brief":
                model.orphans[step] += 1
            real.settles_at(1 + model.living())
    killed = model.stopping and model.timed
    status = 137
    if not killed:
        status, line = chance.choice([(code, f"exit {code}") for code in (0, 1, 77, 143, 255)] +
                                     [(128 + number, f"die {number}") for number in (6, 9, 11, 15, 64)])
        steps.append(line)
        real.tell(line)
    began = time.monotonic()
    code, out, err = real.end()
    assert (code, out) == (status, ""), (steps, err)
    assert ("when --grace was over: killed" in err) == killed, (steps, err)
    told = re.search(r"killed when --drain was over: (\d+)", err)
    assert (int(told[1]) if told else 0) == model.orphans["deaf"], (steps, err)
    ended = re.search(r"left behind and that ended: (\d+)", err)
    assert (int(ended[1]) if ended else 0) == model.orphans["waiting"] + model.orphans["stopped"], (steps, err)
    assert model.orphans["deaf"] == 0 or time.monotonic() - began >= DRAIN * 0.9, steps


def test_the_real_process_is_where_the_model_is(ours):
    seed = int(os.environ.get("MODEL_SEED", time.time_ns()))
    print(f"MODEL_SEED={seed}")
    chance = random.Random(seed)
    until, lives = time.monotonic() + float(os.environ.get("MODEL_SECONDS", "10")), 0
    while time.monotonic() < until:
        one_life(ours, chance)
        lives += 1
    assert lives > 0
