"""Every format of a report, read by a program that is not ours: each raises or asserts when it does not like the text."""

import json
import pathlib
import re
import subprocess

import jsonschema
from prometheus_client.parser import text_string_to_metric_families

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
VERDICTS = {"pass", "skipped", "unknown", "fail"}


def schema(path):
    return json.loads(path.read_text())


def as_text(text):
    assert re.search(r"^(verdict: |\d+ containers, .*verdict: )(pass|fail|unknown)", text, flags=re.M), text
    assert all(c == "\n" or " " <= c <= "~" for c in text), text


def as_json(text):
    jsonschema.validate(json.loads(text), schema(DOCS / "verify.schema.json"))


def as_ndjson(text):
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["kind"] for line in lines[:-1]] == ["finding"] * (len(lines) - 1), lines
    assert lines[-1]["kind"] == "verdict" and lines[-1]["verdict"] in VERDICTS, lines[-1]
    assert all(line["verdict"] in VERDICTS and line["check"] for line in lines[:-1]), lines


def as_junit(text):
    words = ["xmllint", "--noout", "--schema", str(HERE / "junit.xsd"), "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text


def as_tap(text):
    perl = (
        "use TAP::Parser; local $/; my $p = TAP::Parser->new({tap => scalar <STDIN>}); $p->run;"
        "print join(' ', scalar($p->parse_errors), $p->tests_planned, $p->tests_run, scalar($p->failed));"
    )
    done = subprocess.run(["perl", "-e", perl], input=text, capture_output=True, text=True, check=True)
    errors, planned, run, failed = map(int, done.stdout.split())
    assert (errors, planned) == (0, run), (done.stdout, text)
    assert failed == len(re.findall("^not ok", text, flags=re.M)), text


def as_sarif(text):
    told = json.loads(text)
    jsonschema.validate(told, schema(HERE / "sarif.schema.json"))
    rules = [rule["id"] for rule in told["runs"][0]["tool"]["driver"]["rules"]]
    for result in told["runs"][0]["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"], result


def as_prometheus(text):
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert set(families) == {"stepdown_pass", "stepdown_findings", "stepdown_processes"}, families
    assert all(family.documentation and family.type == "gauge" for family in families.values())
    assert {sample.value for sample in families["stepdown_pass"].samples} <= {0.0, 1.0}


def as_nagios(text):
    assert re.fullmatch(r"STEPDOWN (OK|WARNING|UNKNOWN) - [^|\n]+ \| fail=\d+ unknown=\d+ pass=\d+\n", text), text


def as_silent(text):
    assert text == ""


CONSUMERS = {
    "text": as_text,
    "json": as_json,
    "ndjson": as_ndjson,
    "junit": as_junit,
    "tap": as_tap,
    "sarif": as_sarif,
    "prometheus": as_prometheus,
    "nagios": as_nagios,
    "silent": as_silent,
}
