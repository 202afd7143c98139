#include <cstdlib>
#include <string>
#include <string_view>

#include "plan/accounts.hpp"

namespace {

void expect(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// The field of a line with that number, from 0.
std::string_view field(std::string_view line, int number) {
    for (; number > 0; --number) {
        line.remove_prefix(line.find(':') + 1);
    }
    return line.substr(0, line.find(':'));
}

} // namespace

// A line that is believed says in so many digits what was made of it, and is found again by name and by number.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace stepdown::plan;
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    if (const auto account = parse_account(line)) {
        expect(!account->name.empty() && field(line, 0) == account->name);
        expect(field(line, 2) == std::to_string(account->uid) && field(line, 3) == std::to_string(account->gid));
        expect(account->uid != 0xffff'ffff && account->gid != 0xffff'ffff);
        expect(find_user(line, account->name)->uid == account->uid);
        expect(find_user(line, account->uid)->name == account->name);
    }
    if (const auto group = parse_group(line)) {
        expect(!group->name.empty() && field(line, 2) == std::to_string(group->gid) && group->gid != 0xffff'ffff);
        expect(find_group(line, group->name)->gid == group->gid);
    }
    malformed_user(line, field(line, 0));
    return 0;
}
