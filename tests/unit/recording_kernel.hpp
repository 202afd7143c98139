#pragma once

#include <cerrno>
#include <string>
#include <vector>

#include "sys/kernel.hpp"

namespace stepdown::testing {

// A kernel that does nothing, remembers what it was asked in order, and can refuse one call by name.
class RecordingKernel : public sys::Kernel {
  public:
    std::vector<std::string> calls;
    std::string refused; // the call that answers error instead; empty: none
    int error = EPERM;
    unsigned abi = 7; // of Landlock

    sys::Sys<sys::Fd> open_at(int, const char* path, int, mode_t) override {
        return answer("open_at " + std::string(path)).transform([] { return sys::Fd(); });
    }
    sys::Sys<sys::Fd> open_same_mount_at(int, const char* name, int) override {
        return answer("open_same_mount_at " + std::string(name)).transform([] { return sys::Fd(); });
    }
    sys::Sys<> make_directory_at(int, const char* name, mode_t) override {
        return answer("make_directory_at " + std::string(name));
    }
    sys::Sys<struct stat> stat_at(int, const char* name) override {
        return answer("stat_at " + std::string(name)).transform([] { return (struct stat){}; });
    }
    sys::Sys<struct stat> stat_same_mount_at(int, const char* name) override {
        return answer("stat_same_mount_at " + std::string(name)).transform([] { return (struct stat){}; });
    }
    sys::Sys<> change_owner_at(int, const char* name, uid_t, gid_t) override {
        return answer("change_owner_at " + std::string(name));
    }
    sys::Sys<> change_mode(int, mode_t) override { return answer("change_mode"); }
    sys::Sys<> remove_at(int, const char* name, int) override { return answer("remove_at " + std::string(name)); }
    sys::Sys<> make_link_at(const char*, int, const char* name) override {
        return answer("make_link_at " + std::string(name));
    }
    sys::Sys<> make_fifo_at(int, const char* name, mode_t) override {
        return answer("make_fifo_at " + std::string(name));
    }
    sys::Sys<std::string> read_link_at(int, const char* name) override {
        return answer("read_link_at " + std::string(name)).transform([] { return std::string(); });
    }
    sys::Sys<> change_mode_at(int, mode_t) override { return answer("change_mode_at"); }
    sys::Sys<> set_limit(int resource, std::uint64_t, std::uint64_t) override {
        return answer("set_limit " + std::to_string(resource));
    }
    sys::Sys<> set_nice(int value) override { return answer("set_nice " + std::to_string(value)); }
    sys::Sys<> set_oom_score_adj(int value) override { return answer("set_oom_score_adj " + std::to_string(value)); }
    sys::Sys<> close_between(unsigned first, unsigned last) override {
        return answer("close_between " + std::to_string(first) + " " + std::to_string(last));
    }
    sys::Sys<> raise_ambient(unsigned capability) override {
        return answer("raise_ambient " + std::to_string(capability));
    }
    sys::Sys<> close_from(unsigned first) override { return answer("close_from " + std::to_string(first)); }
    sys::Sys<> drop_bounding(unsigned capability) override {
        return answer("drop_bounding " + std::to_string(capability));
    }
    sys::Sys<> clear_ambient() override { return answer("clear_ambient"); }
    sys::Sys<> set_securebits(unsigned bits) override { return answer("set_securebits " + std::to_string(bits)); }
    sys::Sys<> set_groups(std::span<const gid_t> groups) override {
        return answer("set_groups " + std::to_string(groups.size()));
    }
    sys::Sys<> set_gid(gid_t gid) override { return answer("set_gid " + std::to_string(gid)); }
    sys::Sys<> set_uid(uid_t uid) override { return answer("set_uid " + std::to_string(uid)); }
    sys::Sys<> set_capabilities(const CapabilitySets&) override { return answer("set_capabilities"); }
    sys::Sys<> set_no_new_privs() override { return answer("set_no_new_privs"); }
    sys::Sys<> set_dumpable(bool) override { return answer("set_dumpable"); }
    sys::Sys<> set_subreaper() override { return answer("set_subreaper"); }
    sys::Sys<> set_parent_death_signal(int) override { return answer("set_parent_death_signal"); }
    sys::Sys<> new_session_keyring() override { return answer("new_session_keyring"); }
    sys::Sys<> load_filter(std::span<const sock_filter>, unsigned flags) override {
        return answer(flags == 0 ? "load_filter" : "load_filter " + std::to_string(flags));
    }
    sys::Sys<unsigned> landlock_abi() override {
        return answer("landlock_abi").transform([this] { return abi; });
    }
    sys::Sys<sys::Fd> landlock_ruleset(const sys::LandlockHandled& handled) override {
        return answer("landlock_ruleset " + std::to_string(handled.files) + " " + std::to_string(handled.ports) + " " +
                      std::to_string(handled.scopes))
            .transform([] { return sys::Fd(); });
    }
    sys::Sys<> landlock_grant_path(const sys::Fd&, std::uint64_t access, const sys::Fd&) override {
        return answer("landlock_grant_path " + std::to_string(access));
    }
    sys::Sys<> landlock_grant_port(const sys::Fd&, std::uint64_t access, std::uint16_t port) override {
        return answer("landlock_grant_port " + std::to_string(access) + " " + std::to_string(port));
    }
    sys::Sys<> landlock_restrict(int) override { return answer("landlock_restrict"); }
    sys::Sys<sys::Fd> move_descriptor(sys::Fd, int to) override {
        return answer("move_descriptor " + std::to_string(to)).transform([] { return sys::Fd(); });
    }
    sys::Sys<sys::Fd> load_listened_filter(std::span<const sock_filter>, unsigned) override {
        return answer("load_listened_filter").transform([] { return sys::Fd(); });
    }
    sys::Sys<std::string> read_whole(const sys::Fd&) override {
        return answer("read_whole").transform([] { return std::string(); });
    }
    sys::Sys<sys::Fd> open_status(pid_t pid) override {
        return answer("open_status " + std::to_string(pid)).transform([] { return sys::Fd(); });
    }
    Facts own_facts() override { return {}; }
    sys::Sys<unsigned> securebits() override {
        return answer("securebits").transform([] { return 0U; });
    }
    sys::Sys<pid_t> spawn(int (*)(void*), void*) override {
        return answer("spawn").transform([] { return 0; });
    }
    int execute(const char* path, char* const[], char* const[]) override {
        calls.push_back("execute " + std::string(path));
        return error;
    }

  private:
    sys::Sys<> answer(std::string call) {
        const std::string name = call.substr(0, call.find(' '));
        calls.push_back(std::move(call));
        return name == refused ? sys::Sys<>(std::unexpected(error)) : sys::Sys<>();
    }
};

} // namespace stepdown::testing
