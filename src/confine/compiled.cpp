#include "confine/compiled.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/seccomp.h>

#include "confine/digest.hpp"
#include "confine/syscalls.hpp"

namespace stepdown::confine {

namespace {

constexpr std::string_view kFirstLine = "stepdown-bpf 2";
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

    std::set<std::string> words(std::string_view key) {
        std::set<std::string> words;
        for (const auto& word : std::views::split(value(key), ' ')) {
            words.emplace(std::string_view(word));
        }
        words.erase("-");
        return words;
    }

    bool good() const { return good_; }
    std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
    bool good_ = true;
};

std::string_view bytes_of(std::span<const sock_filter> program) {
    return {reinterpret_cast<const char*>(program.data()), program.size_bytes()};
}

std::string text_of(const std::set<std::string>& words) {
    return words.empty() ? "-" : fmt::format("{}", fmt::join(words, " "));
}

std::string version(KernelVersion kernel) { return fmt::format("{}.{}", kernel >> 16, kernel & 0xffff); }

} // namespace

bool is_compiled(std::string_view bytes) { return bytes.starts_with(kForm); }

std::string write_compiled(const Compiled& filter) {
    const std::string head =
        fmt::format("{}\nby stepdown {}\narchitecture {}\nflags {}\nkernel-from {}\nkernel-below {}\n"
                    "with-capabilities {}\nwithout-capabilities {}\nsource-sha256 {}\ninstructions {}\n",
                    kFirstLine, STEPDOWN_VERSION, facts_of(filter.native).oci_name, filter.flags, filter.kernel_from,
                    filter.kernel_below, text_of(filter.with_capabilities), text_of(filter.without_capabilities),
                    filter.source_sha256, filter.program.size());
    const std::string_view program = bytes_of(filter.program);
    return fmt::format("{}sha256 {}\n\n{}", head, sha256_of_text(fmt::format("{}{}", head, program)), program);
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
    filter.with_capabilities = lines.words("with-capabilities");
    filter.without_capabilities = lines.words("without-capabilities");
    filter.source_sha256 = lines.value("source-sha256");
    const std::uint32_t count = lines.number("instructions");
    const std::string_view head = bytes.substr(0, bytes.size() - lines.rest().size());
    const std::string_view digest = lines.value("sha256");
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
    if (sha256_of_text(fmt::format("{}{}", head, lines.rest())) != digest) {
        return fail(ExitCode::kUsage, "a compiled filter that was changed since it was written; compile it again");
    }
    constexpr unsigned kFlags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if ((filter.flags & ~kFlags) != 0) {
        return fail(ExitCode::kUsage,
                    fmt::format("a compiled filter with the flags {:#x}; {:#x} are known", filter.flags, kFlags));
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
    const auto has = [&machine](const std::string& name) { return machine.has_capability(name); };
    if (!std::ranges::all_of(filter.with_capabilities, has) || std::ranges::any_of(filter.without_capabilities, has)) {
        return fail(ExitCode::kUsage,
                    fmt::format("compiled for an app with the capabilities {} and without {}, where its caps rules "
                                "differ; the app has {}; compile it with the same --keep-cap",
                                text_of(filter.with_capabilities), text_of(filter.without_capabilities),
                                machine.capabilities.empty() ? "none" : machine.capabilities));
    }
    return {};
}

} // namespace stepdown::confine
