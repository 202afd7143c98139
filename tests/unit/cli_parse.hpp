#pragma once

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "cli/words.hpp"

// A configuration file that is only in memory. One at a time: ReadFile is a plain function.
struct FakeFile {
    static inline std::string path;
    static inline stepdown::cli::FileText content;
    static inline int reads = 0;
    static inline std::map<std::string, std::string> others; // more files; those in /etc/stepdown.d are found there

    static std::expected<stepdown::cli::FileText, int> read(const char* asked) {
        ++reads;
        if (const auto other = others.find(asked); other != others.end()) {
            return stepdown::cli::FileText{other->second, 0, S_IFREG | 0644};
        }
        if (path != asked) {
            return std::unexpected(ENOENT);
        }
        return content;
    }

    static void set(std::string at, std::string text, uid_t owner = 0, mode_t mode = S_IFREG | 0644) {
        path = std::move(at);
        content = {std::move(text), owner, mode};
    }
    static void clear() {
        set("", "");
        others.clear();
    }

    static std::expected<std::vector<std::string>, int> list(const char* folder) {
        std::vector<std::string> names;
        for (const auto& [at, text] : others) {
            if (const std::string prefix = std::string(folder) + "/"; at.starts_with(prefix)) {
                names.push_back(at.substr(prefix.size()));
            }
        }
        return names;
    }
};

// Parses words (without the program's name) in that environment and with whatever FakeFile holds.
inline stepdown::Result<stepdown::cli::Parsed> parse_words(const std::vector<std::string>& words,
                                                           const std::vector<std::string>& environment = {},
                                                           const std::vector<stepdown::Setting>& receipt = {}) {
    std::vector<const char*> argv = {"stepdown"};
    for (const std::string& word : words) {
        argv.push_back(word.c_str());
    }
    std::vector<const char*> environ_of;
    for (const std::string& entry : environment) {
        environ_of.push_back(entry.c_str());
    }
    environ_of.push_back(nullptr);
    return stepdown::cli::parse({.argc = static_cast<int>(argv.size()),
                                 .argv = argv.data(),
                                 .environment = environ_of.data(),
                                 .receipt = receipt,
                                 .read = FakeFile::read,
                                 .list = FakeFile::list,
                                 .current_uid = 1000});
}

// The error line; "" when there is none.
inline std::string refusal(const stepdown::Result<stepdown::cli::Parsed>& parsed) {
    return parsed ? std::string() : parsed.error().line;
}
