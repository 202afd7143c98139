#include "confine/json.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stepdown::confine {

namespace {

using nlohmann::json;

// Where in the text a check is: an object with the key that was read last, or a list with what is before it.
struct Level {
    std::set<std::string, std::less<>> keys;
    std::string key;
    std::optional<std::size_t> index; // of a list
};

// Runs over the text before it becomes values: a value tree no longer knows the place of an error, or that a key came
// twice.
struct Check : nlohmann::json_sax<json> {
    explicit Check(std::string_view text) : text(text) {}

    bool null() override { return value(); }
    bool boolean(bool) override { return value(); }
    bool number_integer(number_integer_t) override { return value(); }
    bool number_unsigned(number_unsigned_t) override { return value(); }
    bool number_float(number_float_t, const string_t&) override { return value(); }
    bool string(string_t&) override { return value(); }
    bool binary(binary_t&) override { return value(); }
    bool start_array(std::size_t) override {
        levels.push_back({.keys = {}, .key = {}, .index = 0});
        return true;
    }
    bool start_object(std::size_t) override {
        levels.emplace_back();
        return true;
    }
    bool end_array() override { return end(); }
    bool end_object() override { return end(); }
    bool key(string_t& name) override {
        if (!levels.back().keys.insert(name).second) {
            complaint = fmt::format("{}: the key is written twice in one object", path() + name);
        }
        levels.back().key = name;
        return complaint.empty();
    }
    bool value() {
        if (!levels.empty() && levels.back().index) {
            ++*levels.back().index;
        }
        return true;
    }
    bool end() {
        levels.pop_back();
        return value();
    }
    // Up to the object that is read, as Node::path() has it.
    std::string path() const {
        std::string path;
        for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
            const Level& level = levels[i];
            path += level.index ? fmt::format("[{}].", *level.index) : level.key;
            path += !level.index && !levels[i + 1].index ? "." : "";
        }
        return path;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        const auto before = text.substr(0, position);
        complaint = fmt::format("line {}: not valid JSON", 1 + std::ranges::count(before, '\n'));
        return false;
    }

    std::string_view text;
    std::vector<Level> levels;
    std::string complaint;
};

} // namespace

Document::Document(std::string_view text) {
    Check check(text);
    if (json::sax_parse(text, &check)) {
        root_ = json::parse(text, nullptr, false);
    } else {
        complaint_ = check.complaint;
    }
}

void Document::complain(const std::string& path, std::string_view what) {
    if (!complaint_) {
        complaint_ = path.empty() ? std::string(what) : fmt::format("{}: {}", path, what);
    }
}

void Document::object(const std::string& path, std::string_view what) {
    if (ignored_ == nullptr) {
        complain(path, what);
    } else {
        ignored_->push_back(path.empty() ? std::string(what) : fmt::format("{}: {}", path, what));
    }
}

std::string Node::shown() const {
    if (!present() || value_->is_structured()) {
        return !present() ? "nothing" : value_->is_array() ? "a list" : "an object";
    }
    return value_->dump(-1, ' ', true, json::error_handler_t::replace);
}

Node Node::operator[](std::string_view key) const {
    const json* value = nullptr;
    if (present() && value_->is_object()) {
        if (const auto found = value_->find(key); found != value_->end()) {
            value = &*found;
        }
    }
    return {document_, value, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key)};
}

std::vector<Node> Node::items() const {
    std::vector<Node> nodes;
    if (!present()) {
        return nodes;
    }
    if (!value_->is_array()) {
        complain(fmt::format("{} where a list is expected", shown()));
        return nodes;
    }
    for (std::size_t i = 0; i < value_->size(); ++i) {
        nodes.push_back(Node(document_, &(*value_)[i], fmt::format("{}[{}]", path_, i)));
    }
    return nodes;
}

std::string Node::text() const {
    if (!present() || !value_->is_string()) {
        complain(fmt::format("{} where a text is expected", shown()));
        return {};
    }
    return value_->get<std::string>();
}

std::vector<std::string> Node::texts() const {
    std::vector<std::string> all;
    for (const Node& item : items()) {
        all.push_back(item.text());
    }
    return all;
}

std::uint64_t Node::number() const {
    if (!present() || !value_->is_number_unsigned()) {
        complain(fmt::format("{} where a whole number from 0 to 18446744073709551615 is expected", shown()));
        return 0;
    }
    return value_->get<std::uint64_t>();
}

void Node::only(std::initializer_list<std::string_view> keys) const {
    if (!present() || !value_->is_object()) {
        complain(fmt::format("{} where an object is expected", shown()));
        return;
    }
    for (const auto& [key, value] : value_->items()) {
        if (key != "comment" && !std::ranges::contains(keys, key)) {
            object(fmt::format("unknown key \"{}\"; known here are {}", key, fmt::join(keys, ", ")));
        }
    }
}

} // namespace stepdown::confine
