#include <array>
#include <cerrno>
#include <string>

#include "drop/drop.hpp"

namespace stepdown::drop {
namespace {

constexpr unsigned kFirstPrivateDescriptor = 3;
constexpr unsigned kMaskBits = 64;

Result<> finish(const sys::Sys<>& answer, std::string_view what, std::string_view call, std::string_view remedy = {}) {
    return answer ? Result<>() : call_failed(ExitCode::kDrop, what, call, answer.error(), remedy);
}

Result<> close_descriptors(sys::Kernel& kernel, const Change& change) {
    constexpr std::string_view kWhat = "cannot close the inherited descriptors";
    unsigned next = kFirstPrivateDescriptor;
    for (const int fd : change.kept) {
        const auto kept = static_cast<unsigned>(fd);
        if (kept > next) {
            if (const auto closed = kernel.close_between(next, kept - 1); !closed) {
                return finish(closed, kWhat, "close_range");
            }
        }
        next = kept + 1;
    }
    return finish(kernel.close_from(next), kWhat, "close_range");
}

// What the app keeps goes by way of the inheritable and the ambient set, which survive execve(2) under no_new_privs. It
// must be raised before the locked securebits forbid it.
Result<> set_ambient(sys::Kernel& kernel, const Change& change) {
    const CapabilitySets& before = *change.before.capabilities;
    const std::uint64_t kept = change.wanted.capabilities->ambient;
    if (before.ambient == kept) {
        return {};
    }
    if (const auto cleared = kernel.clear_ambient(); !cleared || kept == 0) {
        return finish(cleared, "cannot clear the ambient capabilities", "prctl PR_CAP_AMBIENT_CLEAR_ALL");
    }
    const auto inheritable =
        kernel.set_capabilities({.inheritable = kept, .permitted = before.permitted, .effective = before.effective});
    if (!inheritable) {
        return finish(inheritable, "cannot make the kept capabilities inheritable", "capset");
    }
    for (unsigned capability = 0; capability < kMaskBits; ++capability) {
        if ((kept >> capability & 1) == 0) {
            continue;
        }
        if (const auto raised = kernel.raise_ambient(capability); !raised) {
            return finish(raised, "cannot keep capability " + std::to_string(capability) + " for the app",
                          "prctl PR_CAP_AMBIENT_RAISE");
        }
    }
    return {};
}

Result<> empty_bounding_set(sys::Kernel& kernel, const Change& change) {
    const Facts& before = change.before;
    const Facts& wanted = change.wanted;
    const std::uint64_t surplus = before.capabilities->bounding & ~wanted.capabilities->bounding;
    for (unsigned capability = 0; capability < kMaskBits; ++capability) {
        if ((surplus >> capability & 1) == 0) {
            continue;
        }
        if (const auto dropped = kernel.drop_bounding(capability); !dropped) {
            return finish(dropped, "cannot drop capability " + std::to_string(capability) + " from the bounding set",
                          "prctl PR_CAPBSET_DROP", "the container needs --cap-add=SETPCAP at its start");
        }
    }
    return {};
}

Result<> lock_securebits(sys::Kernel& kernel, const Change& change) {
    const Facts& before = change.before;
    const Facts& wanted = change.wanted;
    if (before.securebits == wanted.securebits) {
        return {};
    }
    return finish(kernel.set_securebits(*wanted.securebits), "cannot lock the securebits", "prctl PR_SET_SECUREBITS",
                  "the container needs --cap-add=SETPCAP at its start");
}

Result<> set_groups(sys::Kernel& kernel, const Change& change) {
    const Facts& before = change.before;
    const Facts& wanted = change.wanted;
    if (before.groups == wanted.groups) {
        return {};
    }
    return finish(kernel.set_groups(*wanted.groups), "cannot set the supplementary groups", "setgroups",
                  "the container needs --cap-add=SETGID at its start");
}

Result<> set_gid(sys::Kernel& kernel, const Change& change) {
    const Facts& before = change.before;
    const Facts& wanted = change.wanted;
    if (before.gid == wanted.gid) {
        return {};
    }
    const gid_t gid = wanted.gid->front();
    return finish(kernel.set_gid(gid), "cannot become gid " + std::to_string(gid), "setresgid",
                  "the container needs --cap-add=SETGID at its start");
}

Result<> set_uid(sys::Kernel& kernel, const Change& change) {
    const Facts& before = change.before;
    const Facts& wanted = change.wanted;
    if (before.uid == wanted.uid) {
        return {};
    }
    const uid_t uid = wanted.uid->front();
    return finish(kernel.set_uid(uid), "cannot become uid " + std::to_string(uid), "setresuid",
                  "the container needs --cap-add=SETUID at its start");
}

Result<> set_capabilities(sys::Kernel& kernel, const Change& change) {
    const Facts& wanted = change.wanted;
    return finish(kernel.set_capabilities(*wanted.capabilities), "cannot give up the capabilities", "capset");
}

Result<> set_no_new_privs(sys::Kernel& kernel, const Change& change) {
    const Facts& before = change.before;
    if (before.no_new_privs == true) {
        return {};
    }
    return finish(kernel.set_no_new_privs(), "cannot set no_new_privs", "prctl PR_SET_NO_NEW_PRIVS");
}

Result<> hide_memory(sys::Kernel& kernel, const Change&) {
    return finish(kernel.set_dumpable(false), "cannot make PID 1 unreadable for the app", "prctl PR_SET_DUMPABLE");
}

constexpr std::array kOrder{
    Step{"close descriptors", "what root opened must not reach the app", close_descriptors},
    Step{"clear the ambient capabilities, but for what the app keeps",
         "they come back at execve; asked for while the securebits and the capabilities surely allow it", set_ambient},
    Step{"empty the bounding set", "needs CAP_SETPCAP, so before the capabilities go", empty_bounding_set},
    Step{"lock the securebits", "needs CAP_SETPCAP; after the ids have changed the kernel answers EPERM",
         lock_securebits},
    Step{"set the groups", "needs CAP_SETGID; before the ids, since a uid without capabilities keeps root's groups",
         set_groups},
    Step{"set the gid", "needs CAP_SETGID; before the uid for the same reason", set_gid},
    Step{"set the uid", "last of the ids; the locked securebits keep the kernel from fixing up capabilities in silence",
         set_uid},
    Step{"empty the capability sets", "after the last call that needs one: nothing below can need or regain any",
         set_capabilities},
    Step{"set no_new_privs", "needs nothing; the filter that comes next needs it", set_no_new_privs},
    Step{"become non-dumpable",
         "after the ids, since changing them resets it: the app has PID 1's uid and must not trace it", hide_memory},
};

} // namespace

std::span<const Step> order() { return kOrder; }

Result<> step_down(sys::Kernel& kernel, const Facts& before, const Facts& wanted, std::span<const int> kept) {
    for (const Step& step : kOrder) {
        if (Result<> result = step.run(kernel, {before, wanted, kept}); !result) {
            return result;
        }
    }
    return {};
}

} // namespace stepdown::drop
