#include <array>
#include <cerrno>
#include <string>

#include "drop/drop.hpp"

namespace stepdown::drop {
namespace {

constexpr unsigned kMaskBits = 64;

Result<> finish(const sys::Sys<>& answer, std::string_view what, std::string_view call, std::string_view remedy = {}) {
    return answer ? Result<>() : call_failed(ExitCode::kDrop, what, call, answer.error(), remedy);
}

Result<> close_descriptors(sys::Kernel& kernel, const Facts&, const Facts&, unsigned kept) {
    return finish(kernel.close_from(kFirstKept + kept), "cannot close the inherited descriptors", "close_range");
}

Result<> clear_ambient(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned) {
    if (before.capabilities->ambient == wanted.capabilities->ambient) {
        return {};
    }
    return finish(kernel.clear_ambient(), "cannot clear the ambient capabilities", "prctl PR_CAP_AMBIENT_CLEAR_ALL");
}

Result<> empty_bounding_set(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned) {
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

Result<> lock_securebits(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned) {
    if (before.securebits == wanted.securebits) {
        return {};
    }
    return finish(kernel.set_securebits(*wanted.securebits), "cannot lock the securebits", "prctl PR_SET_SECUREBITS",
                  "the container needs --cap-add=SETPCAP at its start");
}

Result<> set_groups(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned) {
    if (before.groups == wanted.groups) {
        return {};
    }
    return finish(kernel.set_groups(*wanted.groups), "cannot set the supplementary groups", "setgroups",
                  "the container needs --cap-add=SETGID at its start");
}

Result<> set_gid(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned) {
    if (before.gid == wanted.gid) {
        return {};
    }
    const gid_t gid = wanted.gid->front();
    return finish(kernel.set_gid(gid), "cannot become gid " + std::to_string(gid), "setresgid",
                  "the container needs --cap-add=SETGID at its start");
}

Result<> set_uid(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned) {
    if (before.uid == wanted.uid) {
        return {};
    }
    const uid_t uid = wanted.uid->front();
    return finish(kernel.set_uid(uid), "cannot become uid " + std::to_string(uid), "setresuid",
                  "the container needs --cap-add=SETUID at its start");
}

Result<> set_capabilities(sys::Kernel& kernel, const Facts&, const Facts& wanted, unsigned) {
    return finish(kernel.set_capabilities(*wanted.capabilities), "cannot give up the capabilities", "capset");
}

Result<> set_no_new_privs(sys::Kernel& kernel, const Facts& before, const Facts&, unsigned) {
    if (before.no_new_privs == true) {
        return {};
    }
    return finish(kernel.set_no_new_privs(), "cannot set no_new_privs", "prctl PR_SET_NO_NEW_PRIVS");
}

Result<> hide_memory(sys::Kernel& kernel, const Facts&, const Facts&, unsigned) {
    return finish(kernel.set_dumpable(false), "cannot make PID 1 unreadable for the app", "prctl PR_SET_DUMPABLE");
}

constexpr std::array kOrder{
    Step{"close descriptors", "what root opened must not reach the app", close_descriptors},
    Step{"clear ambient capabilities", "they would come back at execve; asked for while it is surely allowed",
         clear_ambient},
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

Result<> step_down(sys::Kernel& kernel, const Facts& before, const Facts& wanted, unsigned kept) {
    for (const Step& step : kOrder) {
        if (Result<> result = step.run(kernel, before, wanted, kept); !result) {
            return result;
        }
    }
    return {};
}

} // namespace stepdown::drop
