#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/policy_file.hpp"
#include "commands/commands.hpp"
#include "commands/probe.hpp"
#include "commands/report.hpp"
#include "verify/assess.hpp"

namespace stepdown::commands {
namespace {

Result<std::string> read_text(const std::string& path) {
    sys::Fd opened;
    if (path != "-") {
        opened = sys::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (!opened) {
            return fail(ExitCode::kUsage, fmt::format("{}: {}", path, std::strerror(errno)));
        }
    }
    std::string text;
    char part[4096];
    const int fd = opened ? opened.get() : STDIN_FILENO;
    for (ssize_t length; (length = ::read(fd, part, sizeof part)) != 0;) {
        if (length < 0 || text.size() > (1U << 20)) {
            return fail(
                ExitCode::kUsage,
                fmt::format("{}: {}", path, length < 0 ? std::strerror(errno) : "too long for what it should be"));
        }
        text.append(part, static_cast<std::size_t>(length));
    }
    return text;
}

Result<std::optional<Policy>> policy_of(const std::string& word) {
    if (word.empty()) {
        return std::nullopt;
    }
    if (auto named = cli::named_policy(word); named) {
        return named;
    }
    const auto text = read_text(word);
    if (!text) {
        return std::unexpected(text.error());
    }
    auto policy = cli::read_policy(*text, word, verify::check_ids());
    return policy ? Result<std::optional<Policy>>(std::move(*policy)) : std::unexpected(policy.error());
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm day{};
    ::gmtime_r(&now, &day);
    return fmt::format("{:04}-{:02}-{:02}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}

// A word that would change nothing is a mistake about what is judged.
const char* unused(const cli::Reporting& words) {
    const bool of_one = words.pid || words.self || !words.status.empty();
    if (words.files && (of_one || (!words.by_container && words.proc != "/proc"))) {
        return "--files looks at a container's files: give it without --pid, --self, --file and --proc, or with "
               "--group-by=container";
    }
    if (words.probe && (words.by_container || !words.status.empty())) {
        return "--probe tries the state of this container's app: give it without --group-by and --file";
    }
    if (!words.status.empty() && words.proc != "/proc") {
        return "--file is a status by itself: give it without --proc";
    }
    return nullptr;
}

} // namespace

// What the kernel says of the running tree, held against the receipt of the start and the floor. Changes nothing.
int verify(sys::Kernel& kernel, const cli::Parsed& parsed, const cli::Words& written) {
    const cli::Reporting& words = parsed.report;
    if (static_cast<int>(words.pid.has_value()) + static_cast<int>(words.self) + static_cast<int>(words.by_container) +
            static_cast<int>(!words.status.empty()) >
        1) {
        return refuse_judging("--pid, --self, --file and --group-by each say who is judged: give one");
    }
    if (const char* const why = unused(words); why != nullptr) {
        return refuse_judging(why);
    }
    auto policy = policy_of(words.policy);
    if (!policy) {
        return refuse_judging(policy.error().line);
    }
    verify::Question question{.proc = words.proc,
                              .receipt = parsed.plan.receipt,
                              .pid = words.self ? std::optional(::getpid()) : words.pid,
                              .policy = std::move(*policy),
                              .today = today(),
                              .files = words.files,
                              .least = words.quiet && words.output.empty() ? words.least : Severity::kInfo};
    if (!words.status.empty()) {
        const auto text = read_text(words.status);
        return text ? give_report(verify::assess_status(*text, question), parsed) : refuse_judging(text.error().line);
    }
    if (words.by_container) {
        return give_report(verify::assess_node(kernel, question), parsed);
    }
    question.surroundings = !question.pid && words.proc == "/proc";
    Report report = verify::assess(kernel, question);
    if (words.probe) {
        std::vector<Finding> tried = probe_running(kernel, parsed, written);
        verify::apply_waivers(tried, question.policy, question.today);
        std::ranges::move(tried, std::back_inserter(report.container));
    }
    return give_report(std::move(report), parsed);
}

} // namespace stepdown::commands
