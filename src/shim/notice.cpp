#include "shim/notice.h"

#include "proto/json.h"

namespace shim {

std::optional<Notice> notice_in(std::string_view line) {
  const proto::json::Document document = proto::json::parse(line);
  if (!document.root) return std::nullopt;
  for (const auto& [key, kind] : {std::pair{"end", Notice::Kind::end}, std::pair{"say", Notice::Kind::say},
                                  std::pair{"rest", Notice::Kind::rest}}) {
    const proto::json::Value* text = document.root->find(key);
    if (text != nullptr && text->type == proto::json::Type::string) return Notice{kind, text->text};
    // {"end": null} ends without a word.
    if (text != nullptr && kind == Notice::Kind::end) return Notice{kind, ""};
  }
  return std::nullopt;
}

void NoticeReader::feed(std::string_view bytes) {
  if (skipping_) {
    const std::size_t newline = bytes.find('\n');
    if (newline == std::string_view::npos) return;
    skipping_ = false;
    bytes.remove_prefix(newline + 1);
  }
  pending_ += bytes;
}

std::optional<Notice> NoticeReader::next() {
  for (;;) {
    const std::size_t newline = pending_.find('\n');
    if (newline == std::string::npos) break;
    const std::optional<Notice> notice = notice_in(std::string_view(pending_).substr(0, newline));
    pending_.erase(0, newline + 1);
    if (notice) return notice;
  }
  if (pending_.size() > line_max) {
    pending_ = {};
    skipping_ = true;
  }
  if (pending_.empty()) pending_ = {};
  return std::nullopt;
}

}  // namespace shim
