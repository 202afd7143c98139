#include <algorithm>

#include <fmt/format.h>

#include "render/report_formats.hpp"
#include "render/words.hpp"

namespace stepdown::render {
namespace {

// '|' would begin the numbers.
std::string plain(std::string text) {
    std::ranges::replace(text, '|', '/');
    return text;
}

std::string first_trouble(const Report& report, Verdict verdict) {
    for (const Place& place : places(report)) {
        if (verdict != Verdict::kPass && place.finding.verdict == verdict &&
            counts(place.finding, place.report.least)) {
            return plain(fmt::format("{} {}: {}", name_of(place), place.finding.check, sentence_of(place.finding)));
        }
    }
    return "everything holds";
}

} // namespace

// The word is that of the exit status (1 is a plugin's warning), which is the same in every format.
std::string report_nagios(const Report& report) {
    const Verdict verdict = overall(report);
    const std::string_view word = verdict == Verdict::kFail ? "WARNING" : verdict == Verdict::kPass ? "OK" : "UNKNOWN";
    const Tally all = tally(report);
    return fmt::format("STEPDOWN {} - {} | fail={} unknown={} pass={}\n", word, first_trouble(report, verdict),
                       all.fail, all.unknown, all.pass);
}

} // namespace stepdown::render
