#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/given.hpp"
#include "cli/words.hpp"

namespace stepdown::cli {

// What a peer's command line and variables mean in our words; docs/front-ends.md.
struct FrontLine {
    Parsed parsed;                // what the peer does unasked; the options below add to it
    std::vector<Given> given;     // what it was asked for, as values of our options
    std::vector<std::string> app; // what it starts; empty with text or parsed.pause

    bool ends = false; // nothing is started: print text and end with status
    std::string text;
    bool to_error = true; // text goes to standard error
    int status = 1;
};

// A peer's name and command line. A new one is a file and a row.
struct FrontEnd {
    std::string_view name;
    // words: what stands after the name.
    FrontLine (*read)(const Words& words, std::span<const char* const> after);
};

std::span<const FrontEnd> front_ends();
const FrontEnd* find_front_end(std::string_view name);

struct WhichFrontEnd {
    const FrontEnd* front = nullptr; // none: it is stepdown
    int next = 1;                    // index in argv of the first word after its name
};

// By installed_as (`stepdown install --as`), else by argv[0]'s last component, else by the first word.
WhichFrontEnd which_front_end(int argc, const char* const* argv, std::string_view installed_as);

// The rest of what parse() does: STEPDOWN_ variables and the configuration file count as ever, the peer's options like
// flags. Without a word of ours about who the app is, its files or its confinement the Plan is as_is.
Result<Parsed> parse_front_line(FrontLine line, const Words& words);

// ---- for the front ends

FrontLine tini_line(const Words& words, std::span<const char* const> after);
FrontLine dumb_init_line(const Words& words, std::span<const char* const> after);
FrontLine catatonit_line(const Words& words, std::span<const char* const> after);
FrontLine gosu_line(const Words& words, std::span<const char* const> after);
FrontLine su_exec_line(const Words& words, std::span<const char* const> after);

// One of a peer's options. letter also names it to who reads it.
struct FrontOption {
    char letter;
    std::string_view name; // long; empty: none
    bool has_value;
};

// The options of a command line, as getopt_long(3) reads them, up to the first word that is none: an app's own options
// stay its own.
class OptionWalk {
  public:
    static constexpr char kUnknown = '?';
    static constexpr char kNoValue = ':';
    struct Found {
        char letter; // or kUnknown, kNoValue
        std::string_view value;
        std::string_view word; // as written
    };

    OptionWalk(std::span<const char* const> words, std::span<const FrontOption> options)
        : words_(words), options_(options) {}

    std::optional<Found> next();
    bool ended_by_dashes() const { return ended_by_dashes_; } // "--" and no word of the app's
    std::vector<std::string> rest() const { return {words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end()}; }

  private:
    Found by_letter();
    Found by_name(std::string_view word);
    Found with_value(const FrontOption& option, std::string_view value, std::string_view word);

    std::span<const char* const> words_;
    std::span<const FrontOption> options_;
    std::size_t at_ = 0;
    bool ended_by_dashes_ = false;
    std::string_view letters_; // of a word of several, those to come
};

// A variable's value; null where it is not set.
const char* variable(const Words& words, std::string_view name);

// Has one of our options have that value, as if it had been written on the command line as where.
void ask(FrontLine& line, std::string_view option, std::string value, std::string_view where);

// The app's words, behind the peer's. "PROGRAM -- ARG": the dashes are the peer's where its getopt(3) looks past the
// program, which POSIXLY_CORRECT forbids.
std::vector<std::string> app_of(const OptionWalk& walk, const Words& words);

// Nothing is started; the line is done.
FrontLine end_with(FrontLine line, int status, std::string text, bool to_error = true);

} // namespace stepdown::cli
