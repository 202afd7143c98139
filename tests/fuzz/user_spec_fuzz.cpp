#include <cstdlib>
#include <string>
#include <string_view>

#include "plan/accounts.hpp"
#include "plan/user_spec.hpp"

// The first line is the spec, the rest is passwd and group at once. Root comes only of a plain 0 or of an entry that
// says 0.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace stepdown;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view spec = input.substr(0, input.find('\n'));
    const std::string_view files = input.substr(std::min(spec.size() + 1, input.size()));
    const auto identity = plan::resolve_user(spec, files, files, {SourceKind::kFlag, "--user"}, 1000);
    if (!identity) {
        return identity.error().code == ExitCode::kUsage && identity.error().line.starts_with("--user: ")
                   ? 0
                   : (std::abort(), 0);
    }
    const std::string_view user = spec.substr(0, spec.find(':'));
    const auto account = plan::find_user(files, user);
    const bool root_meant = user == "0" || (account && account->uid == 0);
    if ((identity->uid == 0 && !root_meant) || identity->uid == 0xffff'ffff || identity->gid == 0xffff'ffff ||
        !identity->home.starts_with('/') || !identity->shell.starts_with('/')) {
        std::abort();
    }
    return 0;
}
