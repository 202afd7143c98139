#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace stepdown::confine {

// JSON text read strictly. The first complaint is kept, everything after it yields empty values, so that a reader is
// written without a check per line and asks for the complaint at the end.
class Document {
  public:
    explicit Document(
        std::string_view text); // complains of text that is not JSON, and of a key written twice in an object

    void complain(const std::string& path, std::string_view what);
    // Complains, or when the reader is lenient only notes it.
    void object(const std::string& path, std::string_view what);
    void be_lenient(std::vector<std::string>* ignored) { ignored_ = ignored; }
    const std::optional<std::string>& complaint() const { return complaint_; }
    const nlohmann::json& root() const { return root_; }

  private:
    nlohmann::json root_;
    std::optional<std::string> complaint_;
    std::vector<std::string>* ignored_ = nullptr;
};

// A value in a document and the way to it, as in syscalls[12].args[0].op. Absent and null are the same.
class Node {
  public:
    explicit Node(Document& document) : document_(&document), value_(&document.root()) {}

    bool present() const { return value_ != nullptr && !value_->is_null(); }
    bool empty() const { return !present() || value_->empty(); }
    Node operator[](std::string_view key) const;
    std::vector<Node> items() const; // complains of anything but an array; none when absent
    std::string text() const;        // complains of anything but a string
    std::uint64_t number() const;    // complains of anything but a whole number from 0 to 2^64 - 1
    std::vector<std::string> texts() const;
    // Complains of anything but an object, and objects to keys other than these and "comment".
    void only(std::initializer_list<std::string_view> keys) const;
    void complain(std::string_view what) const { document_->complain(path_, what); }
    void object(std::string_view what) const { document_->object(path_, what); }
    const std::string& path() const { return path_; }

  private:
    Node(Document* document, const nlohmann::json* value, std::string path)
        : document_(document), value_(value), path_(std::move(path)) {}
    std::string shown() const; // for complaints

    Document* document_;
    const nlohmann::json* value_;
    std::string path_;
};

} // namespace stepdown::confine
