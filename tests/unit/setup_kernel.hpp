#pragma once

#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "sys/kernel.hpp"
#include "unit/recording_kernel.hpp"

namespace stepdown::testing {

// Real files, invented owners: a chown is noted here and shown by stat_at from then on, so that ownership can be tested
// without root. One call can be refused, for one name or for every one.
class InventedOwners : public RecordingKernel {
  public:
    using Owner = std::pair<uid_t, gid_t>;

    std::map<ino_t, Owner> owners;
    std::string refused_name;    // with refused: only where this is the name asked for
    std::size_t refused_nth = 0; // counted over calls, from 1; 0: none
    std::string hardlinks_sysctl = "1\n";
    std::function<void(const std::string& call)> meanwhile; // somebody else's move, before each call: "stat_at x"
    bool forgets_owners = false;                            // answers 0 to a chown and does nothing, as CIFS does

    sys::Sys<sys::Fd> open_at(int dir, const char* path, int flags, mode_t mode) override {
        if (refuses("open_at", path)) {
            return std::unexpected(error);
        }
        return sys::real_kernel().open_at(dir, path, flags, mode);
    }
    sys::Sys<sys::Fd> open_same_mount_at(int dir, const char* name, int flags) override {
        if (refuses("open_same_mount_at", name)) {
            return std::unexpected(error);
        }
        return sys::real_kernel().open_same_mount_at(dir, name, flags);
    }
    sys::Sys<> make_directory_at(int dir, const char* name, mode_t mode) override {
        if (refuses("make_directory_at", name)) {
            return std::unexpected(error);
        }
        return sys::real_kernel().make_directory_at(dir, name, mode);
    }
    sys::Sys<struct stat> stat_at(int dir, const char* name) override {
        if (refuses("stat_at", name)) {
            return std::unexpected(error);
        }
        return with_owner(sys::real_kernel().stat_at(dir, name));
    }
    sys::Sys<struct stat> stat_same_mount_at(int dir, const char* name) override {
        if (refuses("stat_same_mount_at", name)) {
            return std::unexpected(error);
        }
        return with_owner(sys::real_kernel().stat_same_mount_at(dir, name));
    }
    sys::Sys<> change_owner_at(int dir, const char* name, uid_t uid, gid_t gid) override {
        const auto found = sys::real_kernel().stat_at(dir, name);
        if (!found || refuses("change_owner_at", name)) {
            return std::unexpected(found ? error : found.error());
        }
        if (!forgets_owners) {
            Owner& owner = owners[found->st_ino];
            owner = {uid == sys::kUnchanged ? owner.first : uid, gid == sys::kUnchanged ? owner.second : gid};
        }
        return {};
    }
    sys::Sys<> change_mode(int fd, mode_t mode) override {
        if (refuses("change_mode", "")) {
            return std::unexpected(error);
        }
        return sys::real_kernel().change_mode(fd, mode);
    }
    sys::Sys<> change_mode_at(int pin, mode_t mode) override {
        if (refuses("change_mode_at", "")) {
            return std::unexpected(error);
        }
        return sys::real_kernel().change_mode_at(pin, mode);
    }
    sys::Sys<std::string> read_whole(const sys::Fd&) override { return hardlinks_sysctl; }

    Owner owner_of(const std::filesystem::path& path) {
        const auto found = stat_at(AT_FDCWD, path.c_str());
        return found ? Owner(found->st_uid, found->st_gid) : Owner(static_cast<uid_t>(-1), static_cast<gid_t>(-1));
    }

  private:
    sys::Sys<struct stat> with_owner(sys::Sys<struct stat> found) const {
        if (found) {
            const auto owner = owners.find(found->st_ino);
            std::tie(found->st_uid, found->st_gid) = owner == owners.end() ? Owner(0, 0) : owner->second;
        }
        return found;
    }
    bool refuses(std::string call, std::string name) {
        const bool match = call == refused && (refused_name.empty() || refused_name == name);
        calls.push_back(std::move(call) + ' ' + std::move(name));
        if (meanwhile) {
            meanwhile(calls.back());
        }
        return match || calls.size() == refused_nth;
    }
};

} // namespace stepdown::testing
