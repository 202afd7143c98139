#include <utility>

#include "commands/account.hpp"
#include "verify/status.hpp"

namespace stepdown::commands {

Account open_account(sys::Kernel& kernel, pid_t pid) {
    Account account;
    if (auto opened = kernel.open_status(pid)) {
        account.status = std::move(*opened);
    } else {
        account.by_calls = kernel.own_facts();
    }
    if (const auto bits = kernel.securebits()) {
        account.by_calls.securebits = *bits;
    }
    return account;
}

sys::Sys<Facts> read_account(sys::Kernel& kernel, const Account& account) {
    if (!account.status) {
        return account.by_calls;
    }
    const auto text = kernel.read_whole(account.status);
    if (!text) {
        return std::unexpected(text.error());
    }
    Facts facts = verify::parse_status(*text).facts;
    facts.securebits = account.by_calls.securebits;
    return facts;
}

} // namespace stepdown::commands
