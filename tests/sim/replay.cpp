#include "sim/replay.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "proto/journal.h"
#include "sim/describe.h"

namespace sim {

namespace {

// Zeroed, and a page of it exists once it is used: a recording may have thousands of sessions.
struct Freed {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using JournalPage = std::unique_ptr<std::byte, Freed>;

JournalPage fresh_page() {
  return JournalPage(static_cast<std::byte*>(std::calloc(proto::journal_bytes, 1)));
}

std::span<std::byte> bytes_of(const JournalPage& page) {
  return {page.get(), page ? proto::journal_bytes : 0};
}

class Teller {
 public:
  Teller(const record::Header& header, const Audience& audience)
      : broker_(header.options, header.begun), audience_(audience) {}

  // Empty, or what is wrong with it.
  std::string tell(record::Entry entry) {
    audience_.told(entry);
    std::string trouble = std::visit([&](auto& what) { return tell(what, entry); }, entry.what);
    for (const broker::Action& action : broker_.outbox()) {
      audience_.acts(action);
      note(action);
    }
    broker_.outbox().clear();
    return trouble;
  }

 private:
  std::string tell(broker::Event& event, const record::Entry& entry) {
    if (auto* opened = std::get_if<broker::SessionOpened>(&event)) {
      if (announced_.erase(opened->session) == 0) return "a session is opened that was not admitted";
      if (entry.page) {
        JournalPage& page = pages_[opened->session] = fresh_page();
        entry.page->put_into(bytes_of(page));
        opened->journal = bytes_of(page);
      }
    }
    broker_.on(std::move(event), entry.at);
    return {};
  }
  std::string tell(const record::Admitted& what, const record::Entry& /*entry*/) {
    if (broker_.admit() != what.session) return "the broker gives this session another id: lines are missing";
    announced_.insert(what.session);
    return {};
  }
  std::string tell(const record::Dismissed& what, const record::Entry& /*entry*/) {
    if (announced_.erase(what.session) == 0) return "a session is dismissed that was not admitted";
    broker_.dismiss(what.session);
    return {};
  }
  std::string tell(const record::Ticked& /*what*/, const record::Entry& entry) {
    broker_.tick(entry.at);
    return {};
  }
  std::string tell(const record::End& /*what*/, const record::Entry& /*entry*/) { return {}; }

  void note(const broker::Action& action) {
    if (const auto* sent = std::get_if<broker::SendToSession>(&action)) {
      const auto page = pages_.find(sent->session);
      if (sent->ends_call && page != pages_.end())
        proto::Journal(bytes_of(page->second)).call_ended(*sent->ends_call);
    }
    if (const auto* closed = std::get_if<broker::CloseSession>(&action)) pages_.erase(closed->session);
  }

  broker::Broker broker_;
  const Audience& audience_;
  std::set<core::SessionId> announced_;  // Admitted, and neither opened nor dismissed.
  std::map<core::SessionId, JournalPage> pages_;
};

std::string in_line(std::size_t number, const std::string& what) {
  return "line " + std::to_string(number) + ": " + what;
}

}  // namespace

std::expected<Replayed, std::string> replay(std::string_view recording, const Audience& audience) {
  std::size_t number = 0;
  const auto next = [&]() -> std::optional<std::string_view> {
    const std::size_t end = recording.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    ++number;
    const std::string_view line = recording.substr(0, end);
    recording.remove_prefix(end + 1);
    return line;
  };
  const auto first = next();
  const auto header = record::read_header(first.value_or(recording));
  if (!header) return std::unexpected(in_line(1, header.error()));
  Replayed replayed{.header = *header, .entries = 0, .end = {}};
  audience.begins(*header);
  Teller teller(*header, audience);
  while (const auto line = next()) {
    if (!replayed.end.empty()) return std::unexpected(in_line(number, "something follows the end"));
    auto entry = record::read_entry(*line);
    if (!entry) return std::unexpected(in_line(number, entry.error()));
    if (const auto* end = std::get_if<record::End>(&entry->what))
      replayed.end = "the recording ends: " + end->why;
    ++replayed.entries;
    const std::string trouble = teller.tell(std::move(*entry));
    if (!trouble.empty()) return std::unexpected(in_line(number, trouble));
  }
  if (!recording.empty()) {
    replayed.end = in_line(number + 1, "cut off, and left out; what comes before it is whole");
  } else if (replayed.end.empty()) {
    replayed.end = "the recording does not say why it ends: the daemon died, or is still running";
  }
  return replayed;
}

namespace {

std::string time_of(base::Instant at, base::Instant begun) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", std::chrono::duration<double>(at - begun).count());
  return text;
}

std::string named(const record::What& what) {
  struct Text {
    std::string operator()(const broker::Event& event) const { return describe(event); }
    std::string operator()(const record::Admitted& what) const { return "admitted " + name_of(what.session); }
    std::string operator()(const record::Dismissed& what) const {
      return "dismissed " + name_of(what.session);
    }
    std::string operator()(const record::Ticked& /*what*/) const { return "tick"; }
    std::string operator()(const record::End& /*what*/) const { return "the recording ends"; }
  };
  return std::visit(Text{}, what);
}

// False: it cannot be read; errno says why.
bool read_whole(const char* file, std::string& into) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file, "re"), std::fclose);
  if (!stream) return false;
  std::string piece(std::size_t{64} << 10, '\0');
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), stream.get()))
    into.append(piece, 0, got);
  return std::ferror(stream.get()) == 0;
}

}  // namespace

int print_replay(const char* file) {
  std::string recording;
  if (!read_whole(file, recording)) {
    std::fprintf(stderr, "simulate: cannot read %s: %s\n", file, std::strerror(errno));
    return 1;
  }
  base::Instant begun;
  const auto replayed = replay(
      recording,
      {.begins =
           [&](const record::Header& header) {
             begun = header.begun;
             std::printf("a recording of Hearth %s, contents %s\n", header.version.c_str(),
                         header.contents == record::Contents::whole ? "whole" : "left out");
           },
       .told =
           [&](const record::Entry& entry) {
             std::printf("%s > %s\n", time_of(entry.at, begun).c_str(), named(entry.what).c_str());
           },
       .acts = [](const broker::Action& action) { std::printf("<   %s\n", describe(action).c_str()); }});
  if (!replayed) {
    std::fflush(stdout);
    std::fprintf(stderr, "simulate: %s: %s\n", file, replayed.error().c_str());
    return 1;
  }
  std::printf("%zu entries replayed; %s\n", replayed->entries, replayed->end.c_str());
  return 0;
}

}  // namespace sim
