#include <chrono>
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/values.hpp"
#include "cli_parse.hpp"
#include "plan/digest.hpp"
#include "plan/explain.hpp"
#include "plan/signal_names.hpp"
#include "plan/validate.hpp"

namespace stepdown {
namespace {

using namespace std::chrono_literals;
using plan::signal_name;
using plan::signal_number;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(SignalNames, AreNamesWithAndWithoutSigAndNumbers) {
    EXPECT_EQ(signal_number("TERM"), SIGTERM);
    EXPECT_EQ(signal_number("SIGTERM"), SIGTERM);
    EXPECT_EQ(signal_number("15"), SIGTERM);
    EXPECT_EQ(signal_number("1"), SIGHUP);
    EXPECT_EQ(signal_number("64"), 64);
    EXPECT_EQ(signal_number("IOT"), SIGABRT);
    EXPECT_EQ(signal_number("CLD"), SIGCHLD);
}

// As glibc's apps and Docker count, whatever C library this is.
TEST(SignalNames, RtminIs34) {
    EXPECT_EQ(signal_number("RTMIN"), 34);
    EXPECT_EQ(signal_number("SIGRTMIN+3"), 37);
    EXPECT_EQ(signal_number("RTMIN+30"), 64);
    EXPECT_EQ(signal_number("RTMAX"), 64);
    EXPECT_EQ(signal_number("SIGRTMAX-30"), 34);
}

TEST(SignalNames, NothingElseIsASignal) {
    for (const char* word :
         {"",        "0",          "65",      "-1",       "+1",         "1 ",    " 1",     "0x0f",
          "1.0",     "4294967311", "term",    "SIG",      "SIGSIGTERM", "TERM ", "RTMIN+", "RTMIN+31",
          "RTMIN-1", "RTMAX-31",   "RTMAX+1", "RTMIN+-1", "SIG15",      "EXIT"}) {
        EXPECT_EQ(signal_number(word), std::nullopt) << '"' << word << '"';
    }
}

TEST(SignalNames, EveryNumberHasANameThatMeansIt) {
    for (int number = 1; number <= plan::kLastSignal; ++number) {
        EXPECT_EQ(signal_number(signal_name(number)), number) << signal_name(number);
    }
    EXPECT_EQ(signal_name(SIGABRT), "ABRT");
    EXPECT_EQ(signal_name(33), "33");
    EXPECT_EQ(signal_name(37), "RTMIN+3");
}

TEST(TimeSpan, IsAsSystemdWritesIt) {
    const std::pair<const char*, std::chrono::milliseconds> times[] = {
        {"0", 0ms},      {"10", 10s},       {"10s", 10s},     {"500ms", 500ms}, {"2min", 2min},  {"1h", 1h},
        {"90 sec", 90s}, {"1min 30s", 90s}, {"1min30s", 90s}, {"2 hours", 2h},  {"7days", 168h}, {"1m", 1min}};
    for (const auto& [text, time] : times) {
        EXPECT_EQ(cli::time_span(text), time) << text;
    }
}

TEST(TimeSpan, NothingElseIsATime) {
    for (const char* text : {"", " ", "s", "-1", "+1", "1.5s", "1us", "10 S", "5 parsecs", "1e3", "0x1", "99999999999",
                             "4294967295d", "4294967295h 1s", "366d", "10s,", "infinity"}) {
        EXPECT_EQ(cli::time_span(text), std::nullopt) << '"' << text << '"';
    }
}

Supervision asked(const std::vector<std::string>& words, const std::vector<std::string>& environment = {}) {
    FakeFile::clear();
    std::vector<std::string> all = words;
    all.emplace_back("true");
    const auto parsed = parse_words(all, environment);
    EXPECT_TRUE(parsed) << refusal(parsed);
    return parsed ? parsed->plan.supervision : Supervision();
}

TEST(SupervisionOptions, SayWhatTheyMean) {
    EXPECT_EQ(asked({}), Supervision());
    EXPECT_THAT(asked({"--signal=HUP=drop", "--signal=SIGUSR1=RTMIN+1", "--signal=40=9"}).signals,
                ElementsAre(SignalRewrite{SIGHUP, 0}, SignalRewrite{SIGUSR1, 35}, SignalRewrite{40, SIGKILL}));
    EXPECT_TRUE(asked({"--signal-group"}).signal_group);
    EXPECT_EQ(asked({"--stop-signal=SIGQUIT"}).stop_signal, SIGQUIT);
    EXPECT_EQ(asked({"--stop-delay=5s"}).stop_delay, 5s);
    EXPECT_EQ(asked({"--grace=1500ms"}).grace, 1500ms);
    EXPECT_EQ(asked({"--drain=0"}).drain, 0ms);
    EXPECT_THAT(asked({"--exit-status=143=0", "--exit-status=0=255"}).exit_statuses,
                ElementsAre(StatusRewrite{143, 0}, StatusRewrite{0, 255}));
}

TEST(SupervisionOptions, AVariableHoldsAList) {
    EXPECT_THAT(asked({}, {"STEPDOWN_SIGNAL=HUP=drop,TERM=INT"}).signals,
                ElementsAre(SignalRewrite{SIGHUP, 0}, SignalRewrite{SIGTERM, SIGINT}));
}

TEST(SupervisionOptions, AreRefusedWithTheValueAndWhatWouldBeRight) {
    const std::pair<const char*, const char*> lines[] = {
        {"--signal=TERM", "--signal: \"TERM\" has no equals sign"},
        {"--signal=FOO=TERM", "names no signal: write a name as TERM or SIGTERM"},
        {"--signal=TERM=", "names no signal"},
        {"--signal=0=TERM", "names no signal"},
        {"--signal=KILL=TERM", "no process can catch"},
        {"--signal=19=TERM", "no process can catch"},
        {"--signal=CHLD=drop", "PID 1's own"},
        {"--stop-signal=drop", "names no signal"},
        {"--grace=soon", "--grace: \"soon\" is no time: write 10s"},
        {"--drain=-1", "is no time"},
        {"--exit-status=143", "is not FROM=TO"},
        {"--exit-status=256=0", "from 0 to 255"},
        {"--exit-status=1=-1", "from 0 to 255"},
        {"--exit-status=a=0", "from 0 to 255"},
    };
    FakeFile::clear();
    for (const auto& [word, line] : lines) {
        EXPECT_THAT(refusal(parse_words({word, "true"})), HasSubstr(line)) << word;
    }
}

TEST(SupervisionOptions, TermIsToldOnceWhatItBecomes) {
    Plan both;
    both.supervision = {.signals = {{SIGTERM, SIGINT}}, .stop_signal = SIGQUIT};
    EXPECT_FALSE(plan::check(both));
    both.supervision.signals = {{SIGHUP, SIGINT}};
    EXPECT_TRUE(plan::check(both));
}

TEST(SupervisionOptions, EachIsInTheDigestAndInTheExplanation) {
    const Plan plain;
    const auto changes = {
        +[](Supervision& s) { s.signal_group = true; },
        +[](Supervision& s) { s.signals = {{SIGHUP, 0}}; },
        +[](Supervision& s) { s.signals = {{SIGHUP, SIGTERM}}; },
        +[](Supervision& s) { s.stop_signal = SIGQUIT; },
        +[](Supervision& s) { s.stop_delay = 5s; },
        +[](Supervision& s) { s.grace = 10s; },
        +[](Supervision& s) { s.drain = 1500ms; },
        +[](Supervision& s) { s.exit_statuses = {{143, 0}}; },
    };
    for (const auto change : changes) {
        Plan changed;
        change(changed.supervision);
        EXPECT_NE(plan::canonical_text(changed), plan::canonical_text(plain));
        EXPECT_EQ(plan::explain(changed).size(), plan::explain(plain).size() + 1);
        changed.init = false;
        EXPECT_EQ(plan::explain(changed).back().stage, "start") << "nothing supervises";
    }
}

} // namespace
} // namespace stepdown
