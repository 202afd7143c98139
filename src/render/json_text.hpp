#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace stepdown::render {

// Writes JSON (RFC 8259) in the order it is told: keys, values, begin and end. What is not UTF-8 becomes U+FFFD: a
// program names its threads as it likes. The caller keeps brackets and keys in order.
class JsonText {
  public:
    enum class Layout { kIndented, kOneLine };
    explicit JsonText(Layout layout) : indented_(layout == Layout::kIndented) {}

    JsonText& key(std::string_view name);
    JsonText& begin(char bracket); // '{' or '['
    JsonText& end();
    JsonText& text(std::string_view value);
    JsonText& number(std::int64_t value);
    JsonText& boolean(bool value);
    JsonText& null();

    // key and value at once.
    JsonText& field(std::string_view name, std::string_view value) { return key(name).text(value); }
    JsonText& field(std::string_view name, std::integral auto value) {
        return key(name).number(static_cast<std::int64_t>(value));
    }

    // The whole, with a line feed at its end.
    std::string take() { return std::move(out_) + '\n'; }

  private:
    void before_value();
    void separate();
    void line();
    void append_quoted(std::string_view value);

    bool indented_;
    bool after_key_ = false;
    bool empty_ = true; // of the innermost bracket
    std::string open_;  // the closing brackets that are due
    std::string out_;
};

} // namespace stepdown::render
