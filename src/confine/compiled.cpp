#include "confine/compiled.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "confine/digest.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

constexpr std::string_view kFirstLine = "stepdown-bpf 1";
constexpr std::string_view kForm = "stepdown-bpf ";

// The lines in their order, "key value". No key is optional, so a file has one form.
class Lines {
  public:
    explicit Lines(std::string_view bytes) : rest_(bytes) {}

    std::string_view next() {
        const std::size_t end = rest_.find('\n');
        const std::string_view line = end == rest_.npos ? std::string_view() : rest_.substr(0, end);
        good_ = good_ && end != rest_.npos;
        rest_.remove_prefix(good_ ? end + 1 : rest_.size());
        return line;
    }

    std::string_view value(std::string_view key) {
        const std::string_view line = next();
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') {
            good_ = false;
            return {};
        }
        return line.substr(key.size() + 1);
    }

    std::uint32_t number(std::string_view key) {
        const std::string_view text = value(key);
        std::uint32_t number = 0;
        const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
        good_ = good_ && bad == std::errc{} && end == text.data() + text.size();
        return number;
    }

    bool good() const { return good_; }
    std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
    bool good_ = true;
};

std::string version(KernelVersion kernel) { return fmt::format("{}.{}", kernel >> 16, kernel & 0xffff); }

} // namespace

bool is_compiled(std::string_view bytes) { return bytes.starts_with(kForm); }

std::string write_compiled(const Compiled& filter) {
    std::string text =
        fmt::format("{}\nby stepdown {}\narchitecture {}\nflags {}\nkernel-from {}\nkernel-below {}\n"
                    "source-sha256 {}\nprogram-sha256 {}\ninstructions {}\n\n",
                    kFirstLine, STEPDOWN_VERSION, facts_of(filter.native).oci_name, filter.flags, filter.kernel_from,
                    filter.kernel_below, filter.source_sha256, sha256(filter.program), filter.program.size());
    text.append(reinterpret_cast<const char*>(filter.program.data()), filter.program.size() * sizeof(sock_filter));
    return text;
}

Result<Compiled> read_compiled(std::string_view bytes) {
    Lines lines(bytes);
    if (lines.next() != kFirstLine) {
        return fail(ExitCode::kUsage, "a compiled filter of another version's form; compile it again");
    }
    Compiled filter;
    lines.value("by");
    const std::string_view architecture = lines.value("architecture");
    filter.flags = lines.number("flags");
    filter.kernel_from = lines.number("kernel-from");
    filter.kernel_below = lines.number("kernel-below");
    filter.source_sha256 = lines.value("source-sha256");
    const std::string_view digest = lines.value("program-sha256");
    const std::uint32_t count = lines.number("instructions");
    const bool ends = lines.next().empty();
    const auto row = std::ranges::find(architectures(), architecture, &ArchitectureFacts::oci_name);
    if (!lines.good() || !ends || count == 0 || count > BPF_MAXINSNS ||
        lines.rest().size() != count * sizeof(sock_filter)) {
        return fail(ExitCode::kUsage, "not a whole compiled filter; compile it again");
    }
    if (row == architectures().end()) {
        return fail(ExitCode::kUsage, fmt::format("compiled for the unknown machine \"{}\"", architecture));
    }
    filter.native = row->architecture;
    filter.program.resize(count);
    std::memcpy(filter.program.data(), lines.rest().data(), lines.rest().size());
    if (sha256(filter.program) != digest) {
        return fail(ExitCode::kUsage, "a compiled filter that was changed since it was written; compile it again");
    }
    return filter;
}

Result<> check_fit(const Compiled& filter, const Machine& machine) {
    if (filter.native != machine.native) {
        return fail(ExitCode::kUsage, fmt::format("compiled for {}, this is {}; compile it for this machine",
                                                  facts_of(filter.native).oci_name, facts_of(machine.native).oci_name));
    }
    if (machine.kernel() < filter.kernel_from || machine.kernel() >= filter.kernel_below) {
        const std::string to =
            filter.kernel_below == kNoKernel ? std::string() : " and below " + version(filter.kernel_below);
        return fail(ExitCode::kUsage,
                    fmt::format("compiled for kernels from {}{}, where its minKernel rules differ; this is {}",
                                version(filter.kernel_from), to, version(machine.kernel())));
    }
    return {};
}

} // namespace stepdown::confine
