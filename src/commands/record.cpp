#include <algorithm>
#include <cerrno>
#include <string>

#include <fmt/format.h>

#include "commands/commands.hpp"
#include "commands/log.hpp"
#include "commands/output_file.hpp"
#include "confine/load.hpp"
#include "confine/recording.hpp"

namespace stepdown::commands {
namespace {

Result<confine::Records> read_file(sys::Kernel& kernel, const std::string& path) {
    Result<confine::Records> records = confine::read_regular(kernel, path).and_then(confine::read_records);
    if (!records) {
        records.error().line.insert(0, path + ": ");
    }
    return records;
}

Result<> merge(sys::Kernel& kernel, const std::vector<std::string>& files, const std::string& output, const Log& log) {
    confine::Records all;
    for (const std::string& path : files) {
        Result<confine::Records> records = read_file(kernel, path);
        if (!records) {
            return std::unexpected(records.error());
        }
        std::ranges::move(records->calls, std::back_inserter(all.calls));
        for (const confine::Architecture architecture : records->architectures) {
            if (!std::ranges::contains(all.architectures, architecture)) {
                all.architectures.push_back(architecture);
            }
        }
    }
    for (const std::string& name : confine::fit(all)) {
        log.warn(confine::widened_line(name));
    }
    const auto written = write_output(output, confine::profile_text(all));
    return written ? Result<>() : call_failed(ExitCode::kUsage, "cannot write " + output, "write", written.error());
}

} // namespace

// A run, in which PID 1 hears of every call.
int record(sys::Kernel& kernel, const cli::Parsed& parsed, const supervise::SignalState& given) {
    const Log log(parsed.plan.log_level, parsed.plan.log_format);
    const std::string& output = parsed.report.output;
    if (output.empty()) {
        return log.failed({ExitCode::kUsage, "record: name the file to write: -o FILE"});
    }
    if (parsed.merge) {
        const Result<> merged = merge(kernel, parsed.plan.command, output, log);
        return merged ? 0 : log.failed(merged.error());
    }
    cli::Parsed recorded = parsed;
    recorded.plan.seccomp.record = output;
    return run(kernel, recorded, given);
}

} // namespace stepdown::commands
