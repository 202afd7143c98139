#include "confine/heard.hpp"

#include <linux/seccomp.h>

#include "confine/instructions.hpp"
#include "confine/join.hpp"

namespace stepdown::confine {
namespace {

constexpr sock_filter kAllow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
constexpr sock_filter kTell = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF};

} // namespace

Result<std::vector<sock_filter>> heard(std::span<const sock_filter> app, std::span<const sock_filter> other,
                                       Hears hears) {
    const std::span<const sock_filter> own = app.empty() ? std::span(&kAllow, 1) : app;
    Result<std::vector<sock_filter>> program =
        followed_by(own, hears == Hears::kAll ? std::span<const sock_filter>() : other);
    for (std::size_t at = 0; program && at < own.size(); ++at) {
        if (returns(own[at], SECCOMP_RET_ERRNO) || (hears == Hears::kAll && lets_through(own[at]))) {
            (*program)[at] = kTell;
        }
    }
    return program;
}

} // namespace stepdown::confine
