#include "sim/witness.h"

#include <algorithm>

#include "proto/journal.h"
#include "proto/json.h"
#include "record/words.h"
#include "sim/describe.h"
#include "sim/replay.h"

namespace sim {

namespace {

using proto::json::Type;
using proto::json::Value;

// What is done, and to whom.
std::string kind_of(const broker::Action& action) {
  const std::string what = std::to_string(action.index()) + ' ';
  return std::visit(
      [&](const auto& one) {
        if constexpr (requires { one.session; }) return what + name_of(one.session);
        if constexpr (requires { one.instance; }) return what + name_of(one.instance);
        return what;
      },
      action);
}

// Strings of a message that are somebody's own: no words of the protocol, no ids, no names of Hearth's.
void add_strings(const Value& value, std::string_view member, std::vector<std::string>& into) {
  const auto add = [&](const std::string& text) {
    const bool number = text.find_first_not_of("0123456789") == std::string::npos;
    // Shorter ones are found in placeholders by chance.
    if (text.size() < 6 || record::is_word(text) || text.starts_with("hearth-")) return;
    if (number && record::names_request(member)) return;
    into.push_back(text);
  };
  if (value.type == Type::string) add(value.text);
  for (const Value& item : value.items) add_strings(item, {}, into);
  for (const proto::json::Member& one : value.members) {
    add(one.key);
    add_strings(one.value, one.key, into);
  }
}

struct Secrets {
  std::vector<std::string> operator()(const broker::SessionLine& event) const { return of(event.line); }
  std::vector<std::string> operator()(const broker::InstanceLine& event) const { return of(event.line); }
  std::vector<std::string> operator()(const broker::SessionOpened& event) const { return of(event.spec); }
  std::vector<std::string> operator()(const broker::SessionRespecified& event) const {
    return of(event.spec);
  }
  std::vector<std::string> operator()(const broker::StartWanted& event) const { return of(event.spec); }
  std::vector<std::string> operator()(const auto& /*event*/) const { return {}; }

  static std::vector<std::string> of(const proto::Line& line) {
    std::vector<std::string> all;
    const auto document = proto::json::parse(line.bytes.text);
    if (document.root) add_strings(*document.root, {}, all);
    return all;
  }
  static std::vector<std::string> of(const core::ServerSpec& spec) {
    std::vector<std::string> all = spec.args;
    for (const auto& [name, value] : spec.environment) all.emplace_back(value);
    for (const auto& [name, value] : spec.address.headers) all.push_back(value);
    for (const std::string& text : {spec.directory, spec.scope_directory, spec.address.url})
      all.push_back(text);
    std::erase_if(all, [](const std::string& text) { return text.size() < 6; });
    return all;
  }
};

// Of the message, or of what a journal holds of messages.
std::size_t length_of(const record::What& what) {
  const auto* event = std::get_if<broker::Event>(&what);
  if (event == nullptr) return 0;
  if (const auto* line = std::get_if<broker::SessionLine>(event)) return line->line.bytes.text.size();
  if (const auto* line = std::get_if<broker::InstanceLine>(event)) return line->line.bytes.text.size();
  const auto* opened = std::get_if<broker::SessionOpened>(event);
  return opened == nullptr || opened->journal.empty() ? 0 : proto::Journal(opened->journal).setup().size();
}

std::size_t length_of(const record::Entry& entry) {
  return entry.page ? entry.page->setup.size() : length_of(entry.what);
}

}  // namespace

void Witness::begins(const broker::Options& options, base::Instant now) {
  using record::Contents;
  life_.emplace(Life{.whole = {Contents::whole, {seed_, 1}},
                     .masked = {Contents::left_out, {seed_, 2}},
                     .whole_text = {},
                     .masked_text = {},
                     .lengths = {},
                     .actions = {}});
  record::Header header{.version = "0", .contents = Contents::whole, .begun = now, .options = options};
  life_->whole_text = written(header);
  header.contents = Contents::left_out;
  life_->masked_text = written(header);
}

void Witness::told(const record::What& what, base::Instant now) {
  if (!life_) return;
  life_->lengths.push_back(length_of(what));
  life_->whole_text += written(life_->whole, what, now);
  const std::string line = written(life_->masked, what, now);
  life_->masked_text += line;
  if (const auto* event = std::get_if<broker::Event>(&what)) {
    for (const std::string& secret : std::visit(Secrets{}, *event)) {
      if (line.contains(secret)) leak_ = '"' + secret + "\" stands in " + line;
    }
  }
}

void Witness::acted(const broker::Action& action) {
  if (!life_) return;
  life_->actions.push_back({life_->lengths.size(), describe_whole(action), kind_of(action)});
}

std::string Witness::compare(const std::string& recording, bool whole) {
  std::vector<Seen> again;
  std::size_t told = 0;
  std::size_t as_long = 0;  // So many messages from the beginning on.
  std::string wrong;
  Audience audience;
  audience.told = [&](const record::Entry& entry) {
    const std::size_t before = told < life_->lengths.size() ? life_->lengths[told] : 0;
    const std::size_t length = length_of(entry);
    if (length == before && as_long == told) ++as_long;
    ++told;
    if (length < before) wrong = "line " + std::to_string(told + 1) + " is shorter";
  };
  audience.acts = [&](const broker::Action& action) {
    again.push_back({told, describe_whole(action), kind_of(action)});
  };
  const auto replayed = replay(recording, audience);
  if (!replayed) return replayed.error();
  if (!wrong.empty()) return wrong;
  const std::vector<Seen>& before = life_->actions;
  const Seen none{0, "nothing", "nothing"};
  for (std::size_t i = 0; i < std::max(before.size(), again.size()); ++i) {
    const Seen& one = i < before.size() ? before[i] : none;
    const Seen& other = i < again.size() ? again[i] : none;
    if (one.told == other.told && (whole ? one.text == other.text : one.kind == other.kind)) continue;
    if (!whole && as_long < std::min(one.told, other.told)) {
      ++tolerated_;
      return {};
    }
    return "after line " + std::to_string(one.told + 1) + ": " + one.text + "; and again, after line " +
           std::to_string(other.told + 1) + ": " + other.text;
  }
  return {};
}

std::string Witness::ends() {
  if (!life_) return {};
  std::string wrong = leak_;
  if (wrong.empty()) wrong = compare(life_->whole_text, true);
  if (wrong.empty()) {
    wrong = compare(life_->masked_text, false);
    if (!wrong.empty()) wrong = "without contents: " + wrong;
  }
  replayed_ += static_cast<std::size_t>(std::ranges::count(life_->whole_text, '\n'));
  life_.reset();
  return wrong;
}

}  // namespace sim
