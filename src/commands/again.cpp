#include "commands/again.hpp"

#include <unistd.h>

#include "verify/receipt_file.hpp"

namespace stepdown::commands {

std::vector<Setting> settings_of_start(sys::Kernel& kernel, const Plan& plan, const Log& log) {
    if (plan.receipt == "off") {
        return {};
    }
    verify::ReceiptFile found = verify::find_receipt(kernel, plan.receipt);
    if (found.state != verify::ReceiptFile::State::kRead) {
        log.info("no receipt of a start: " + found.path +
                 (found.trouble.empty() ? " is not there" : ": " + found.trouble));
        return {};
    }
    if (!found.exposed.empty() && ::geteuid() == 0) {
        log.warn(found.path + " is not used: " + found.exposed);
        return {};
    }
    return std::move(found.receipt.settings);
}

} // namespace stepdown::commands
