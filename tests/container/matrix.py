"""scripts/emulation-matrix: every folder of examples/ at every level, on a real engine; the table goes into the README and into
docs/emulate.md, between their marks."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from conftest import script
from emulated import EXAMPLES, trial
from harness import REPO, Engine, executable

LEVELS = {"plain uid": "off", "`ids`": "ids", "`full`": "full"}
PLACES = ["README.md", "docs/emulate.md"]
NOISE = re.compile(
    r"^(\S+ (error|daemon)|Error response|OCI runtime|curl: \(7\)|stepdown: warning)"
    r"|is not running|pid file|motd|cannot exec in a"
)
COMPLAINTS = [
    re.compile(r"fatal|OOPS", re.I),
    re.compile(r"^(?!.*warning).*(denied|permitted|must|can't|cannot|not super|fail|error|owned)", re.I),
]


def lines_of(trial):
    return [line.strip() for line in trial.said.splitlines() if line.strip() and not NOISE.search(line.strip())]


def complaint(trial):
    """The first line of the worst kind."""
    return next((line for kind in COMPLAINTS for line in lines_of(trial) if kind.search(line)), None)


def why(trial):
    """The daemon's complaint, or else its client's."""
    if not lines_of(trial):
        return f"ends with {trial.container.exit_code} and says nothing"
    line = complaint(trial) or lines_of(trial)[-1]
    line = re.sub(r"^[\[(]?\d{4}-\d\d-\d\dT?[\d:. Z+,]*\]?\s*|^\[?\d\d-\w{3}-\d{4} [\d:]+\]?\s*|^\w{3} +\d+ [\d:]+ \S+ ", "", line)
    return re.sub(r"^(\[\w+\] +\(\d+\) : )|^ftplib\.\w+: |\[\d+\](?=:)|\s*\[v[\d.]+ try .*|(?<=socks\.)\w+", "", line).replace("|", "\\|")[:110]


def measure(engine, name):
    cells = []
    for level in LEVELS.values():
        done = trial(engine, name, level)
        if not done.works and not complaint(done):  # some tell a terminal alone
            engine.docker("rm", "-f", "-v", done.container.id)
            done = trial(engine, name, level, docker=["--tty"])
        if done.works:
            options = (REPO / "examples" / name / "stepdown.toml").read_text()
            owners = level == "full" and "emulate-owners = true" in options
            cells.append("yes, with owners" if owners else "yes")
        else:
            cells.append(f"no: {why(done)}")
        engine.docker("rm", "-f", "-v", done.container.id)
        print(name, level, cells[-1], file=sys.stderr, flush=True)
    return [name, *cells]


def table(rows):
    lines = ["| daemon | " + " | ".join(LEVELS) + " |", "|---|" + "---|" * len(LEVELS)]
    lines += [f"| [{row[0]}](examples/{row[0]}) | " + " | ".join(row[1:]) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main(names):
    binary = executable("STEPDOWN_BINARY", "build/release/stepdown")
    hold = f"--hold={os.getpid()}"
    script("engine", "start", hold)
    try:
        named = dict(re.findall(r"^export (\w+)=(.*)$", script("engine", "env"), flags=re.M))
        script("images", "daemons", env={**os.environ, **named})
        engine = Engine(named["STEPDOWN_DOCKER"], named["DOCKER_HOST"], binary)
        with ThreadPoolExecutor(4) as pool:
            rows = list(pool.map(lambda name: measure(engine, name), names))
        engine.remove_containers()
    finally:
        script("engine", "stop", hold)
    text = table(rows)
    print(text)
    if names == EXAMPLES:
        for place in PLACES:
            path = REPO / place
            shown = text if "/" not in place else text.replace("](examples", "](../examples")
            marks = re.compile(r"(<!-- emulation -->\n).*?(<!-- /emulation -->)", re.S)
            path.write_text(marks.sub(lambda match: match[1] + shown + match[2], path.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:] or EXAMPLES)
