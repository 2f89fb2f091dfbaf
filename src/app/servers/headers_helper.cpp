#include "app/servers/headers_helper.h"

#include <algorithm>
#include <utility>

#include "base/ensure.h"
#include "io/clock.h"
#include "io/system_error.h"
#include "proto/json.h"

namespace app {
namespace {

constexpr std::size_t output_bytes_max = std::size_t{64} << 10;
constexpr const char* wrote_too_much = "it wrote more than 64 KiB";
constexpr std::string_view token_characters =
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

std::string lower(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return all;
}

// Names are no secrets, as long as they are names.
std::string shown(const std::string& name) {
  const bool plain = !name.empty() && name.find_first_not_of(token_characters) == std::string::npos;
  return plain ? '"' + name + '"' : "a member";
}

}  // namespace

HeadersHelper::Fields headers_in(std::string_view output) {
  const proto::json::Document document = proto::json::parse(output);
  if (!document.root || document.root->type != proto::json::Type::object) {
    return base::failure(R"(what it wrote is not a JSON object, like {"Authorization": "Bearer ..."})");
  }
  proto::HttpFields fields;
  for (const proto::json::Member& member : document.root->members) {
    if (member.value.type != proto::json::Type::string) {
      return base::failure("the value of " + shown(member.key) +
                           " in the JSON object that it wrote is not a string");
    }
    if (member.key.empty() || member.key.find_first_not_of(token_characters) != std::string::npos) {
      return base::failure("a name in the JSON object that it wrote is not a valid header name");
    }
    if (std::ranges::any_of(member.value.text, is_control)) {
      return base::failure("the value of " + shown(member.key) +
                           " in the JSON object that it wrote has a line break or a control character");
    }
    fields.add(lower(member.key), member.value.text);
  }
  return fields;
}

std::unique_ptr<HeadersHelper> HeadersHelper::start(io::Loop& loop, io::Children& children, What what,
                                                    std::function<void(Fields)> done) {
  ensure(!what.command.empty());
  std::unique_ptr<HeadersHelper> helper(new HeadersHelper(loop, what.command.front(), std::move(done)));
  helper->run(children, std::move(what));
  return helper;
}

HeadersHelper::HeadersHelper(io::Loop& loop, std::string program, std::function<void(Fields)> done)
    : program_(std::move(program)), done_(std::move(done)), timer_(loop, [this] { finish(); }) {}

HeadersHelper::~HeadersHelper() = default;

void HeadersHelper::run(io::Children& children, What what) {
  child_ = children.spawn({.name = program_,
                           .program = program_,
                           .args = {what.command.begin() + 1, what.command.end()},
                           .directory = std::move(what.directory),
                           .environment = std::move(what.environment),
                           .inheritance = std::move(what.inheritance),
                           .line_max = output_bytes_max},
                          {.on_start_failed = [this](const base::Error& why) { not_started(why); },
                           .on_line =
                               [this](proto::Line&& line) {
                                 if (line.overlong) return decide(failed(wrote_too_much));
                                 add(line.bytes.text);
                               },
                           .on_gone = [this](const io::Gone& how) { gone(how); }});
  timer_.set(io::now() + what.patience);
}

void HeadersHelper::not_started(const base::Error& why) {
  decide(failed("it " + (why.code == 0 ? why.what : io::system_error("cannot be started", why.code).what)));
}

void HeadersHelper::add(std::string_view text) {
  if (decided_) return;
  if (output_.size() + text.size() >= output_bytes_max) return decide(failed(wrote_too_much));
  output_.append(text) += '\n';
}

void HeadersHelper::gone(const io::Gone& how) {
  const proto::LineReader& rest = child_->output_lines();
  if (rest.unfinished() > output_bytes_max) decide(failed(wrote_too_much));
  add(rest.unfinished_bytes());
  if (decided_) return;
  if (how.how != "exited with status 0") return decide(failed("it " + how.how));
  Fields fields = headers_in(output_);
  decide(fields ? std::move(fields) : failed(fields.error().what));
}

void HeadersHelper::decide(Fields fields) {
  if (!decided_) decided_ = std::move(fields);
  timer_.set(io::now());
}

HeadersHelper::Fields HeadersHelper::failed(const std::string& why) const {
  return base::failure("no headers from " + program_ + ": " + why);
}

void HeadersHelper::finish() {
  child_.reset();
  Fields fields = decided_ ? std::move(*decided_) : failed("it did not end in time");
  const auto done = std::exchange(done_, nullptr);
  if (done) done(std::move(fields));
}

}  // namespace app
