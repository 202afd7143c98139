#include "confine/plain_tcp.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include "confine/compile.hpp"
#include "confine/digest.hpp"
#include "confine/join.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

constexpr std::uint64_t kInternet = AF_INET;
constexpr std::uint64_t kInternet6 = AF_INET6;
// The headers of the build may be older than the kernel.
constexpr std::uint64_t kMultipathTcp = 262; // IPPROTO_MPTCP
constexpr std::uint64_t kSmcProtocol = 256;  // IPPROTO_SMC
constexpr std::uint64_t kSmcFamily = 43;     // AF_SMC

constexpr std::string_view kWhatPasses = "--connect and --bind hold for plain TCP alone, and without a filter nothing "
                                         "refuses Multipath TCP and TCP Fast Open";

Rule refusal(const char* call, int error, std::vector<Condition> conditions) {
    return {{call}, SECCOMP_RET_ERRNO | static_cast<Action>(error), std::move(conditions)};
}

Profile other_ways(const Landlock& asked) {
    Profile profile{.default_action = SECCOMP_RET_ALLOW, .architectures = {native_architecture()}, .rules = {}};
    for (const ArchitectureFacts& facts : architectures()) {
        if (facts.kernel == native_architecture() && facts.architecture != native_architecture()) {
            profile.architectures.push_back(facts.architecture);
        }
    }
    for (const std::uint64_t family : {kInternet, kInternet6}) {
        for (const std::uint64_t protocol : {kMultipathTcp, kSmcProtocol}) {
            profile.rules.push_back(
                refusal("socket", EPROTONOSUPPORT, {{0, Compare::kEqual, family}, {2, Compare::kEqual, protocol}}));
        }
    }
    profile.rules.push_back(refusal("socket", EAFNOSUPPORT, {{0, Compare::kEqual, kSmcFamily}}));
    const std::pair<const char*, unsigned> sending[] = {{"sendto", 3}, {"sendmsg", 2}, {"sendmmsg", 3}};
    for (const auto& [call, flags] : sending) {
        if (!asked.connect.empty()) {
            profile.rules.push_back(
                refusal(call, EOPNOTSUPP, {{flags, Compare::kMaskedEqual, MSG_FASTOPEN, MSG_FASTOPEN}}));
        }
    }
    return profile;
}

} // namespace

Result<Filter> keep_to_plain_tcp(Filter filter, const Landlock& asked, std::vector<std::string>& warnings) {
    if (asked.mode == LandlockMode::kOff || (asked.connect.empty() && asked.bind.empty())) {
        return filter;
    }
    if (filter.off()) {
        if (asked.mode == LandlockMode::kRequire) {
            return fail(
                ExitCode::kConfine,
                fmt::format("landlock: {}; --landlock=require does not let the app start like that", kWhatPasses));
        }
        warnings.push_back(fmt::format("landlock: {}", kWhatPasses));
        return filter;
    }
    return compile(other_ways(asked))
        .and_then([&filter](const std::vector<sock_filter>& second) { return followed_by(filter.program(), second); })
        .transform([&filter](std::vector<sock_filter> program) {
            std::string digest = sha256(program);
            return Filter(std::move(program), filter.flags(), std::move(digest));
        });
}

} // namespace stepdown::confine
