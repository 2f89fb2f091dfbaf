// A client over HTTP that goes on in another program after every step, wherever nothing has to be waited for:
// it is saved, written, read and resumed, and does the same as one that is left alone.
//
// Told what came of the requests of the one that is left alone, under their ids. In place of the server it
// opens again what is begun again, and sends again what was cut off within an event.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "save/codec.h"
#include "transport/outbound/streamable_client.h"

namespace http_server {

using transport::RequestId;

// As another program reads it.
inline transport::StreamableClient::Saved passed_on(const transport::StreamableClient::Saved& saved) {
  const auto text_of = [](const transport::StreamableClient::Saved& one) {
    save::Writer writer;
    save::write(writer, one);
    return std::move(writer).finish();
  };
  const std::string text = text_of(saved);
  save::Reader reader(text);
  auto found = save::read<transport::StreamableClient::Saved>(reader);
  CHECK(reader.end("the conversation"));
  CHECK(text_of(found) == text);
  return found;
}

class ReplacedClient {
 public:
  using Outputs = std::vector<transport::ClientOutput>;

  ReplacedClient(transport::ClientOptions options, base::Instant now) : client_(std::move(options), now) {}

  void send(const std::string& text, base::Instant now) { client_.send(proto::Message(text), now); }
  void close(base::Instant now) { client_.close(now); }
  void tick(base::Instant now) { client_.tick(now); }
  void head(RequestId id, int status, const proto::HttpFields& fields, base::Instant now) {
    Open* open = find(id);
    if (open == nullptr) return;
    open->status = status;
    open->head = fields;
    client_.head(open->own, status, fields, now);
  }
  void body(RequestId id, std::string_view bytes, base::Instant now) {
    Open* open = find(id);
    if (open == nullptr) return;
    open->rest += bytes;
    open->note_ids();
    client_.body(open->own, bytes, now);
  }
  void ended(RequestId id, const std::optional<transport::StreamableClient::Failure>& failure,
             base::Instant now) {
    Open* open = find(id);
    if (open == nullptr) return;
    const RequestId own = open->own;
    open_.erase(id);
    client_.ended(own, failure, now);
  }

  // The step is over, in which the other one has said this.
  void compare(const Outputs& expected, base::Instant now) {
    if (lost_track_) return;
    const Outputs outputs = std::exchange(client_.outbox(), {});
    pair(expected, outputs);
    std::vector<std::string> wanted = lines_of(expected, [](RequestId id) { return id; });
    std::vector<std::string> found = lines_of(outputs, [this](RequestId own) { return shown(own); });
    std::erase_if(wanted, [&](const std::string& line) { return let_go_.contains(line); });
    CHECK(found == wanted);
    forget_abandoned(expected);
    replace(now);
  }
  int replacements() const { return replacements_; }

 private:
  struct Open {
    RequestId own = 0;
    transport::Request request = {};
    int status = 0;
    proto::HttpFields head = {};
    std::string rest = {};  // Of a stream: behind the last event.
    std::string last_id = {};

    bool streams() const { return proto::media_type_of(head.get("content-type")) == "text/event-stream"; }
    void note_ids() {
      if (!streams()) return;
      std::size_t end = 0;
      for (const std::string_view mark : {"\n\n", "\r\n\r\n"}) {
        const std::size_t at = rest.rfind(mark);
        if (at != std::string::npos) end = std::max(end, at + mark.size());
      }
      if (rest.ends_with("\r\n\r")) end = rest.size();
      for (std::size_t at = 0; at < end; at = rest.find('\n', at) + 1) {
        const std::string line = rest.substr(at, rest.find_first_of("\r\n", at) - at);
        if (line.starts_with("id:"))
          last_id = line.substr(std::min(line.find_first_not_of(' ', 3), line.size()));
        if (rest.find('\n', at) == std::string::npos) break;
      }
      rest.erase(0, end);
    }
  };

  Open* find(RequestId id) {
    const auto found = open_.find(id);
    if (found == open_.end()) lost_track_ |= !let_go_.empty() && let_go_.contains(abandon(id));
    return found == open_.end() ? nullptr : &found->second;
  }
  static std::string abandon(RequestId id) { return "abandon " + std::to_string(id); }
  RequestId shown(RequestId own) const {
    for (const auto& [id, open] : open_) {
      if (open.own == own) return id;
    }
    return 0;
  }

  // Requests are begun in the same order.
  void pair(const Outputs& expected, const Outputs& outputs) {
    std::vector<RequestId> own;
    for (const auto& output : outputs) {
      if (const auto* request = std::get_if<transport::Request>(&output)) own.push_back(request->id);
    }
    std::size_t next = 0;
    for (const auto& output : expected) {
      const auto* request = std::get_if<transport::Request>(&output);
      if (request != nullptr && next < own.size())
        open_[request->id] = {.own = own[next++], .request = *request};
    }
  }
  // What is abandoned comes in the order of ids, which are others.
  static std::vector<std::string> lines_of(const Outputs& outputs, const auto& id_of) {
    std::vector<std::string> abandoned;
    std::vector<std::string> lines;
    for (const auto& output : outputs) {
      if (const auto* one = std::get_if<transport::Abandon>(&output)) {
        abandoned.push_back(abandon(id_of(one->id)));
      } else if (const auto* request = std::get_if<transport::Request>(&output)) {
        std::string line = std::to_string(id_of(request->id)) + ' ' + request->method + ' ' + request->url;
        for (const auto& [name, value] : request->fields.all) line.append(" ").append(name + '=' + value);
        lines.push_back(line + (request->stream ? " stream " : " ") + request->body.text());
      } else if (const auto* receive = std::get_if<transport::Receive>(&output)) {
        lines.push_back(std::to_string(receive->call) + ' ' + std::string(receive->message.text));
      } else if (const auto* forgot = std::get_if<transport::Forgot>(&output)) {
        lines.emplace_back(forgot->session_lost ? "forgot" : "forgot that was known");
        for (const proto::Message& message : forgot->refused) lines.push_back(message.text());
      } else if (const auto* down = std::get_if<transport::Down>(&output)) {
        lines.push_back("down " + down->why);
      } else if (const auto* note = std::get_if<transport::Note>(&output)) {
        lines.push_back("note " + note->text);
      }
    }
    std::ranges::sort(abandoned);
    lines.insert(lines.end(), abandoned.begin(), abandoned.end());
    return lines;
  }
  void forget_abandoned(const Outputs& expected) {
    for (const auto& output : expected) {
      if (const auto* one = std::get_if<transport::Abandon>(&output)) open_.erase(one->id);
    }
  }

  void replace(base::Instant now) {
    // After the news that a listen may have missed, the broker does something else.
    const bool listens = std::ranges::any_of(open_, [](const auto& one) {
      return one.second.request.fields.get("mcp-method") == "subscriptions/listen";
    });
    if (listens || lost_track_ || !client_.unsettled().empty()) return;
    client_ = transport::StreamableClient(passed_on(client_.saved(now)), now);
    ++replacements_;
    std::map<RequestId, std::pair<RequestId, Open>> before;  // By their own ids, then.
    for (auto& [id, open] : std::exchange(open_, {})) before[open.own] = {id, std::move(open)};
    for (const auto& output : std::exchange(client_.outbox(), {})) {
      const auto* request = std::get_if<transport::Request>(&output);
      REQUIRE(request != nullptr);
      const auto same = std::ranges::find_if(before, [&](const auto& one) {
        const Open& open = one.second.second;
        if (open.status == 307 || open.status == 308) return false;  // It goes on as another request.
        const std::string first_id(open.request.fields.get("last-event-id"));
        return request->fields.get("mcp-session-id") == open.request.fields.get("mcp-session-id") &&
               request->fields.get("last-event-id") == (open.last_id.empty() ? first_id : open.last_id) &&
               request->method == "GET";
      });
      REQUIRE(same != before.end());
      auto& [id, open] = same->second;
      open.own = request->id;
      // As a server does that goes on with what the connection was cut in.
      if (open.status != 0) {
        client_.head(open.own, open.status, open.head, now);
        client_.body(open.own, open.rest, now);
      }
      CHECK(client_.outbox().empty());
      open_.emplace(id, std::move(open));
      before.erase(same);
    }
    for (const auto& [own, one] : before) let_go_.insert(abandon(one.first));
  }

  transport::StreamableClient client_;
  std::map<RequestId, Open> open_;  // By the ids of the one that is left alone.
  std::set<std::string> let_go_;    // Requests whose rest is useless, as lines.
  bool lost_track_ = false;         // Something came on one of those, and only the other heard it.
  int replacements_ = 0;
};

}  // namespace http_server
