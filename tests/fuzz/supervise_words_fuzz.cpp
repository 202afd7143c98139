#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/setters.hpp"
#include "plan/signal_names.hpp"

// Signal and status specs, times and --ready: whatever is accepted is what PID 1's tables have room for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stepdown;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (text.empty()) {
        return 0; // add_value() refuses it before any setter
    }
    const Source source{SourceKind::kFlag, "--fuzz"};
    cli::Parsed parsed;
    for (auto* apply : {cli::apply_signal, cli::apply_stop_signal, cli::apply_exit_status, cli::apply_grace,
                        cli::apply_ready, cli::apply_watchdog, cli::apply_parent_death_signal}) {
        if (const auto applied = apply(parsed, text, source);
            !applied && (applied.error().code != ExitCode::kUsage || applied.error().line.empty())) {
            std::abort();
        }
    }
    const Supervision& asked = parsed.plan.supervision;
    for (const auto& [from, to] : asked.signals) {
        if (from < 1 || from > plan::kLastSignal || to < 0 || to > plan::kLastSignal) {
            std::abort();
        }
    }
    for (const auto& [from, to] : asked.exit_statuses) {
        if (from < 0 || from > 255 || to < 0 || to > 255) {
            std::abort();
        }
    }
    if (asked.stop_signal < 0 || asked.stop_signal > plan::kLastSignal || asked.ready.number < 0) {
        std::abort();
    }
    return 0;
}
