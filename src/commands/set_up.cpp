#include "commands/set_up.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include "commands/hooks.hpp"
#include "commands/progress.hpp"
#include "setup/account.hpp"
#include "setup/listen.hpp"
#include "setup/secret.hpp"
#include "setup/setup.hpp"
#include "setup/stdio.hpp"

namespace stepdown::commands {
namespace {

// docker run --user, Kubernetes' runAsNonRoot: what root alone may do is left to whoever made the image or the volume.
bool is_unprivileged(const Start& start) {
    constexpr std::uint64_t kRootsWork = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE;
    return ::geteuid() != 0 && (start.before.capabilities->effective & kRootsWork) == 0;
}

// Many images are read-only, and few programs need the entry: the start goes on without.
void add_account(sys::Kernel& kernel, const Start& start, const Log& log) {
    if (start.plan.account_name.empty()) {
        return;
    }
    Identity account = start.plan.identity.value_or(
        Identity{.uid = start.wanted.uid->front(), .gid = start.wanted.gid->front(), .user_name = {}});
    account.user_name = start.plan.account_name;
    if (Result<> added = setup::add_account(kernel, "/etc/passwd", account); !added) {
        log.warn(added.error().line + "; going on without");
    }
}

Result<> own_stdio(sys::Kernel& kernel, const Start& start, const Log& log) {
    if (!start.plan.process.own_stdio) {
        return {};
    }
    Result<> owned = setup::own_stdio(kernel, start.wanted.uid->front());
    if (!owned && (start.plan.setup_best_effort || is_unprivileged(start))) {
        log.warn("skipped: " + owned.error().line);
        return {};
    }
    return owned;
}

Result<> do_steps(sys::Kernel& kernel, const Start& start, const Log& log) {
    if (start.plan.setup.empty()) {
        return {};
    }
    WalkProgress progress(log);
    const Result<setup::Outcome> outcome = setup::run(kernel, start.plan.setup, start.wanted.uid->front(),
                                                      start.wanted.gid->front(), start.before.capabilities->effective,
                                                      {.best_effort = start.plan.setup_best_effort,
                                                       .unprivileged = is_unprivileged(start),
                                                       .own = start.plan.own,
                                                       .progress = &progress});
    if (!outcome) {
        return std::unexpected(outcome.error());
    }
    for (const std::string& line : outcome->skipped) {
        log.warn("skipped: " + line);
    }
    return {};
}

Result<> leave_secrets(sys::Kernel& kernel, const Start& start, const Log& log) {
    for (const Secret& secret : start.plan.secrets) {
        if (secret.in_environment) {
            continue;
        }
        const auto text = setup::read_secret(kernel, secret);
        const auto left = text ? setup::leave_secret(kernel, secret, start.plan.secrets_directory, *text,
                                                     start.wanted.uid->front(), start.wanted.gid->front())
                               : std::unexpected(text.error());
        if (!left) {
            return std::unexpected(left.error());
        }
        if (!*left) {
            log.warn("the secret " + secret.name + " is on disk: mount a tmpfs at " + start.plan.secrets_directory +
                     " (docker run --tmpfs)");
        }
    }
    return {};
}

Result<> open_sockets(sys::Kernel& kernel, Start& start) {
    auto sockets =
        setup::open_sockets(kernel, start.plan.sockets, start.wanted.uid->front(), start.wanted.gid->front());
    if (!sockets) {
        return std::unexpected(sockets.error());
    }
    start.sockets = std::move(*sockets);
    return {};
}

Result<> run_hooks(const Start& start, const Log& log) {
    const Hooks& hooks = start.plan.hooks;
    if (!(hooks.before_drop.empty() && hooks.before_drop_dirs.empty()) && is_unprivileged(start)) {
        log.warn(fmt::format("the start is not root's: the hooks that are to run as root run as uid {}", ::geteuid()));
    }
    return run_before_drop(hooks, log);
}

} // namespace

// The hooks last: they find all that was made.
Result<> set_up(sys::Kernel& kernel, Start& start, const Log& log) {
    add_account(kernel, start, log);
    Result<> done = own_stdio(kernel, start, log);
    done = done ? do_steps(kernel, start, log) : done;
    done = done ? leave_secrets(kernel, start, log) : done;
    done = done ? open_sockets(kernel, start) : done;
    return done ? run_hooks(start, log) : done;
}

} // namespace stepdown::commands
