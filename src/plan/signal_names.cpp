#include "plan/signal_names.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <utility>

namespace stepdown::plan {
namespace {

constexpr std::pair<std::string_view, int> kNames[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},     {"KILL", SIGKILL}, {"USR1", SIGUSR1},
    {"SEGV", SIGSEGV},     {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},   {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
    {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
    {"SYS", SIGSYS},       {"IOT", SIGIOT},   {"POLL", SIGPOLL},   {"CLD", SIGCHLD},
};
constexpr int kRtMin = 34;

std::optional<int> number_within(std::string_view digits, int least, int most) {
    int number = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = fault == std::errc() && end == digits.data() + digits.size();
    return whole && number >= least && number <= most ? std::optional(number) : std::nullopt;
}

} // namespace

std::optional<int> signal_number(std::string_view word) {
    if (const auto number = number_within(word, 1, kLastSignal)) {
        return number;
    }
    if (word.starts_with("SIG")) {
        word.remove_prefix(3);
    }
    if (const auto found = std::ranges::find(kNames, word, &std::pair<std::string_view, int>::first);
        found != std::end(kNames)) {
        return found->second;
    }
    if (word == "RTMIN") {
        return kRtMin;
    }
    if (word == "RTMAX") {
        return kLastSignal;
    }
    const bool up = word.starts_with("RTMIN+");
    if (!up && !word.starts_with("RTMAX-")) {
        return std::nullopt;
    }
    const auto steps = number_within(word.substr(6), 0, kLastSignal - kRtMin);
    return steps ? std::optional(up ? kRtMin + *steps : kLastSignal - *steps) : std::nullopt;
}

std::string signal_name(int number) {
    if (const auto found = std::ranges::find(kNames, number, &std::pair<std::string_view, int>::second);
        found != std::end(kNames)) {
        return std::string(found->first);
    }
    return number < kRtMin ? std::to_string(number) : "RTMIN+" + std::to_string(number - kRtMin);
}

} // namespace stepdown::plan
