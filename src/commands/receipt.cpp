#include <sha2.h>
#include <unistd.h>

#include "commands/receipt.hpp"
#include "confine/builtin.hpp"
#include "plan/digest.hpp"
#include "verify/receipt_file.hpp"

namespace stepdown::commands {
namespace {

std::string digest_of(const Plan& plan) {
    const std::string text = plan::canonical_text(plan);
    char hexadecimal[SHA256_DIGEST_STRING_LENGTH];
    SHA256Data(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), hexadecimal);
    return hexadecimal;
}

std::string_view heard_for(const Seccomp& asked) {
    return asked.learn ? "learn" : !asked.record.empty() ? "record" : asked.report ? "report" : "";
}

verify::Receipt receipt_of(const Start& start) {
    verify::Receipt receipt{.pid = ::getpid(),
                            .init = start.plan.init,
                            .allow_root = start.plan.allow_root,
                            .plan = digest_of(start.plan),
                            .wanted = start.wanted,
                            .filters_before = start.before.seccomp_filters,
                            .filter = {},
                            .emulation = {},
                            .pid1_filter = {},
                            .heard_for = std::string(heard_for(start.plan.seccomp)),
                            .settings = start.plan.settings};
    if (!start.filter.program().empty()) {
        receipt.filter =
            verify::FilterMark{.name = start.plan.seccomp.profile, .sha256 = std::string(start.filter.sha256())};
    }
    if (!start.emulation.filter.off()) {
        receipt.emulation = verify::FilterMark{.name = emulate::to_text(start.emulation.chosen) +
                                                       (start.plan.emulate_owners ? ", with owners" : ""),
                                               .sha256 = std::string(start.emulation.filter.sha256())};
    }
    if (start.plan.init) {
        receipt.pid1_filter = confine::builtin_sha256(own_filter_of(start));
    }
    return receipt;
}

// The receipt's neighbour. Without it the log alone tells.
void make_denials_file(sys::Kernel& kernel, Start& start, const std::string& receipt, const Log& log) {
    constexpr std::string_view kSuffix = ".receipt";
    const std::size_t length = receipt.size() - (receipt.ends_with(kSuffix) ? kSuffix.size() : 0);
    std::string path = receipt.substr(0, length) + ".denials.json";
    if (Result<sys::Fd> made = verify::make_file_as_receipt(kernel, path); made) {
        start.denials = {.path = std::move(path), .fd = std::move(*made)};
    } else {
        log.warn(made.error().line + "; what is denied is told in the log alone");
    }
}

} // namespace

Result<> leave_receipt(sys::Kernel& kernel, Start& start, const Log& log) {
    if (start.plan.receipt == "off") {
        return {};
    }
    const Result<std::string> path =
        verify::write_receipt_file(kernel, verify::write_receipt(receipt_of(start)), start.plan.receipt);
    if (path) {
        log.info("receipt left at " + *path);
        if (!start.heard.empty()) {
            make_denials_file(kernel, start, *path, log);
        }
        return {};
    }
    if (start.plan.receipt != "auto") {
        return std::unexpected(path.error());
    }
    log.info(path.error().line);
    return {};
}

} // namespace stepdown::commands
