#include "bench/echo_answer.h"

#include <charconv>
#include <cstddef>
#include <cstring>

namespace bench {
namespace {

constexpr std::string_view tools =
    R"({"tools":[{"name":"echo","description":"Returns the text",)"
    R"("inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}},)"
    R"({"name":"blob","description":"Returns that many letters",)"
    R"("inputSchema":{"type":"object","properties":{"bytes":{"type":"integer"}},"required":["bytes"]}}]})";

// A cursor over one message. Every function leaves it behind what it has read.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // f(key) for each member of the object under the cursor; f reads or skips the value.
  template <class F>
  void members(F&& f) {
    ++at_;
    for (;;) {
      blanks();
      if (at_ >= text_.size() || text_[at_] == '}') break;
      if (text_[at_] == ',') {
        ++at_;
        continue;
      }
      const std::string_view key = value();
      blanks();
      ++at_;  // The colon.
      blanks();
      f(key.size() < 2 ? key : key.substr(1, key.size() - 2));
    }
    ++at_;
  }

  bool at_object() const { return at_ < text_.size() && text_[at_] == '{'; }

  // The raw value under the cursor.
  std::string_view value() {
    const std::size_t from = at_;
    std::size_t depth = 0;
    do {
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
      if (depth == 0 && c != '}' && c != ']') scalar();
    } while (depth > 0);
    return text_.substr(from, at_ - from);
  }

 private:
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  void scalar() {
    while (at_ < text_.size() && std::strchr(",}] \t\r", text_[at_]) == nullptr) ++at_;
  }
  // memchr finds the quotes of a megabyte faster than any loop over its characters.
  void string() {
    const std::size_t first = ++at_;
    for (;;) {
      at_ = text_.find('"', at_);
      if (at_ == std::string_view::npos) {
        at_ = text_.size();
        return;
      }
      std::size_t slashes = 0;
      while (at_ - slashes > first && text_[at_ - slashes - 1] == '\\') ++slashes;
      ++at_;
      if (slashes % 2 == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct Request {
  std::string_view id;  // Raw; empty in a notification.
  std::string_view method, tool, text, bytes, revision;
};

Request parse(std::string_view line) {
  Request request;
  Reader reader(line);
  if (!reader.at_object()) return request;
  const auto arguments = [&](std::string_view key) {
    const std::string_view value = reader.value();
    if (key == "text") request.text = value;
    if (key == "bytes") request.bytes = value;
  };
  const auto params = [&](std::string_view key) {
    if (key == "arguments" && reader.at_object()) return reader.members(arguments);
    const std::string_view value = reader.value();
    if (key == "name") request.tool = value;
    if (key == "protocolVersion") request.revision = value;
  };
  reader.members([&](std::string_view key) {
    if (key == "params" && reader.at_object()) return reader.members(params);
    const std::string_view value = reader.value();
    if (key == "id") request.id = value;
    if (key == "method") request.method = value;
  });
  return request;
}

}  // namespace

void echo_answer(std::string_view line, std::string& out) {
  const Request request = parse(line);
  if (request.id.empty() || request.method.empty()) return;
  out += R"({"jsonrpc":"2.0","id":)";
  out += request.id;
  if (request.method == R"("tools/call")" && request.tool == R"("blob")") {
    std::size_t bytes = 0;
    std::from_chars(request.bytes.data(), request.bytes.data() + request.bytes.size(), bytes);
    out += R"(,"result":{"content":[{"type":"text","text":")";
    out.append(bytes, 'x');
    out += "\"}]}}";
  } else if (request.method == R"("tools/call")") {
    out += R"(,"result":{"content":[{"type":"text","text":)";
    out += request.text.empty() ? std::string_view("\"\"") : request.text;
    out += "}]}}";
  } else if (request.method == R"("initialize")") {
    out += R"(,"result":{"protocolVersion":)";
    out += request.revision.empty() ? std::string_view("\"2025-06-18\"") : request.revision;
    out += R"(,"capabilities":{"tools":{}},"serverInfo":{"name":"echo_server","version":"1"}}})";
  } else if (request.method == R"("tools/list")") {
    out += ",\"result\":";
    out += tools;
    out += '}';
  } else if (request.method == R"("ping")") {
    out += R"(,"result":{}})";
  } else {
    out += R"(,"error":{"code":-32601,"message":"Method not found"}})";
  }
}

}  // namespace bench
