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
NOISE = re.compile(r"^(\S+ (error|daemon)|Error response|OCI runtime|curl: \(7\)|stepdown: warning)|is not running|pid file")


# What is told to syslog alone, or to nobody.
UNHEARD = {
    ("postfix", "off"): "the postfix command is reserved for the superuser",
    ("postfix", "ids"): "the Postfix SMTP server must run with $mail_owner privileges",
    ("supervisord", "off"): "couldn't setuid to 33: Can't drop privilege as nonroot user",
    ("supervisord", "ids"): "the program believes that it is root, not www-data",
    ("tftpd", "off"): "cannot set its groups",
    ("tftpd", "ids"): "cannot chroot",
    ("vsftpd", "off"): "vsftpd: must be started as root",
    ("vsftpd", "ids"): "500 OOPS: chroot",
}


def why(trial):
    """The first line that complains, of the daemon or else of its client."""
    lines = [line.strip() for line in trial.said.splitlines() if line.strip() and not NOISE.search(line.strip())]
    if not lines:
        return f"ends with {trial.container.exit_code} and says nothing"
    worst = [line for line in lines if re.search(r"denied|permitted|must|can't|cannot|not super|fail|fatal|error|owned", line, re.I)]
    line = (worst or lines[-1:])[0]
    line = re.sub(r"^[\[(]?\d{4}-\d\d-\d\dT?[\d:. Z+]*\]?\s*|^\[?\d\d-\w{3}-\d{4} [\d:]+\]?\s*|^\w{3} +\d+ [\d:]+ \S+ ", "", line)
    return re.sub(r"^(\[\w+\] +\(\d+\) : )|\s*\[v[\d.]+ try .*|(?<=socks\.)\w+", "", line).replace("|", "\\|")[:110]


def measure(engine, name):
    cells = []
    for level in LEVELS.values():
        done = trial(engine, name, level)
        owners = level == "full" and "emulate-owners = true" in (REPO / "examples" / name / "stepdown.toml").read_text()
        cells.append(("yes, with owners" if owners else "yes") if done.works else f"no: {UNHEARD.get((name, level)) or why(done)}")
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
