#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "sys/kernel.hpp"

namespace stepdown::testing {

enum class Fault {
    kRefuses, // answers EPERM
    kLies,    // answers success and does nothing
};

// The real kernel, but for one call, by the name of its method in the seam.
class FaultyKernel : public sys::Kernel {
  public:
    FaultyKernel(std::string_view faulty, Fault fault) : faulty_(faulty), fault_(fault) {}

    sys::Sys<sys::Fd> open_at(int dir, const char* path, int flags, mode_t mode) override {
        return call("open_at", [&] { return real_.open_at(dir, path, flags, mode); });
    }
    sys::Sys<sys::Fd> open_same_mount_at(int dir, const char* name, int flags) override {
        return call("open_same_mount_at", [&] { return real_.open_same_mount_at(dir, name, flags); });
    }
    sys::Sys<> make_directory_at(int dir, const char* name, mode_t mode) override {
        return call("make_directory_at", [&] { return real_.make_directory_at(dir, name, mode); });
    }
    sys::Sys<struct stat> stat_at(int dir, const char* name) override {
        return call("stat_at", [&] { return real_.stat_at(dir, name); });
    }
    sys::Sys<struct stat> stat_same_mount_at(int dir, const char* name) override {
        return call("stat_same_mount_at", [&] { return real_.stat_same_mount_at(dir, name); });
    }
    sys::Sys<> change_owner_at(int dir, const char* name, uid_t uid, gid_t gid) override {
        return call("change_owner_at", [&] { return real_.change_owner_at(dir, name, uid, gid); });
    }
    sys::Sys<> change_mode(int fd, mode_t mode) override {
        return call("change_mode", [&] { return real_.change_mode(fd, mode); });
    }
    sys::Sys<> remove_at(int dir, const char* name, int flags) override {
        return call("remove_at", [&] { return real_.remove_at(dir, name, flags); });
    }
    sys::Sys<> make_link_at(const char* target, int dir, const char* name) override {
        return call("make_link_at", [&] { return real_.make_link_at(target, dir, name); });
    }
    sys::Sys<> make_fifo_at(int dir, const char* name, mode_t mode) override {
        return call("make_fifo_at", [&] { return real_.make_fifo_at(dir, name, mode); });
    }
    sys::Sys<std::string> read_link_at(int dir, const char* name) override {
        return call("read_link_at", [&] { return real_.read_link_at(dir, name); });
    }
    sys::Sys<> change_mode_at(int pin, mode_t mode) override {
        return call("change_mode_at", [&] { return real_.change_mode_at(pin, mode); });
    }
    sys::Sys<> set_limit(int resource, std::uint64_t soft, std::uint64_t hard) override {
        return call("set_limit", [&] { return real_.set_limit(resource, soft, hard); });
    }
    sys::Sys<> set_nice(int value) override {
        return call("set_nice", [&] { return real_.set_nice(value); });
    }
    sys::Sys<> set_oom_score_adj(int value) override {
        return call("set_oom_score_adj", [&] { return real_.set_oom_score_adj(value); });
    }
    sys::Sys<> close_between(unsigned first, unsigned last) override {
        return call("close_between", [&] { return real_.close_between(first, last); });
    }
    sys::Sys<> raise_ambient(unsigned capability) override {
        return call("raise_ambient", [&] { return real_.raise_ambient(capability); });
    }
    sys::Sys<> close_from(unsigned first) override {
        return call("close_from", [&] { return real_.close_from(first); });
    }
    sys::Sys<> drop_bounding(unsigned capability) override {
        return call("drop_bounding", [&] { return real_.drop_bounding(capability); });
    }
    sys::Sys<> clear_ambient() override {
        return call("clear_ambient", [&] { return real_.clear_ambient(); });
    }
    sys::Sys<> set_securebits(unsigned bits) override {
        return call("set_securebits", [&] { return real_.set_securebits(bits); });
    }
    sys::Sys<> set_groups(std::span<const gid_t> groups) override {
        return call("set_groups", [&] { return real_.set_groups(groups); });
    }
    sys::Sys<> set_gid(gid_t gid) override {
        return call("set_gid", [&] { return real_.set_gid(gid); });
    }
    sys::Sys<> set_uid(uid_t uid) override {
        return call("set_uid", [&] { return real_.set_uid(uid); });
    }
    sys::Sys<> set_capabilities(const CapabilitySets& sets) override {
        return call("set_capabilities", [&] { return real_.set_capabilities(sets); });
    }
    sys::Sys<> set_no_new_privs() override {
        return call("set_no_new_privs", [&] { return real_.set_no_new_privs(); });
    }
    sys::Sys<> set_dumpable(bool dumpable) override {
        return call("set_dumpable", [&] { return real_.set_dumpable(dumpable); });
    }
    sys::Sys<> set_subreaper() override {
        return call("set_subreaper", [&] { return real_.set_subreaper(); });
    }
    sys::Sys<> load_filter(std::span<const sock_filter> program, unsigned flags) override {
        return call("load_filter", [&] { return real_.load_filter(program, flags); });
    }
    sys::Sys<unsigned> landlock_abi() override {
        return call("landlock_abi", [&] { return real_.landlock_abi(); });
    }
    sys::Sys<sys::Fd> landlock_ruleset(const sys::LandlockHandled& handled) override {
        return call("landlock_ruleset", [&] { return real_.landlock_ruleset(handled); });
    }
    sys::Sys<> landlock_grant_path(const sys::Fd& ruleset, std::uint64_t access, const sys::Fd& path) override {
        return call("landlock_grant_path", [&] { return real_.landlock_grant_path(ruleset, access, path); });
    }
    sys::Sys<> landlock_grant_port(const sys::Fd& ruleset, std::uint64_t access, std::uint16_t port) override {
        return call("landlock_grant_port", [&] { return real_.landlock_grant_port(ruleset, access, port); });
    }
    sys::Sys<> landlock_restrict(int ruleset) override {
        return call("landlock_restrict", [&] { return real_.landlock_restrict(ruleset); });
    }
    sys::Sys<sys::Fd> move_descriptor(sys::Fd from, int to) override {
        return call("move_descriptor", [&] { return real_.move_descriptor(std::move(from), to); });
    }
    sys::Sys<> set_parent_death_signal(int number) override {
        return call("set_parent_death_signal", [&] { return real_.set_parent_death_signal(number); });
    }
    sys::Sys<> new_session_keyring() override {
        return call("new_session_keyring", [&] { return real_.new_session_keyring(); });
    }
    sys::Sys<sys::Fd> load_listened_filter(std::span<const sock_filter> program, unsigned flags) override {
        return call("load_listened_filter", [&] { return real_.load_listened_filter(program, flags); });
    }
    sys::Sys<std::string> read_whole(const sys::Fd& file) override {
        return call("read_whole", [&] { return real_.read_whole(file); });
    }
    sys::Sys<sys::Fd> open_status(pid_t pid) override {
        return call("open_status", [&] { return real_.open_status(pid); });
    }
    Facts own_facts() override { return real_.own_facts(); }
    sys::Sys<unsigned> securebits() override {
        return call("securebits", [&] { return real_.securebits(); });
    }
    sys::Sys<pid_t> spawn(int (*child)(void*), void* context) override {
        return call("spawn", [&] { return real_.spawn(child, context); });
    }
    int execute(const char* path, char* const argv[], char* const envp[]) override {
        return faulty_ == "execute" ? EPERM : real_.execute(path, argv, envp);
    }

  private:
    template <class Real> auto call(std::string_view name, Real real) -> decltype(real()) {
        using Answer = decltype(real());
        if (name != faulty_) {
            return real();
        }
        if constexpr (std::is_same_v<Answer, sys::Sys<>>) {
            if (fault_ == Fault::kLies) {
                return Answer();
            }
        }
        return Answer(std::unexpect, EPERM);
    }

    sys::Kernel& real_ = sys::real_kernel();
    std::string_view faulty_; // empty: none
    Fault fault_;
};

} // namespace stepdown::testing
