#include "core/capabilities.h"

#include "proto/claim.h"

namespace core {
namespace {

std::string raw_member(const proto::json::Value& object, std::string_view key, std::string_view text) {
  const proto::json::Value* value = object.find(key);
  if (value == nullptr || value->type != proto::json::Type::object) return {};
  return std::string(text.substr(value->at, value->length));
}

}  // namespace

Capabilities capabilities_of(const proto::json::Value* capabilities, std::string_view text) {
  Capabilities all;
  if (capabilities == nullptr) return all;
  all.roots = capabilities->find("roots") != nullptr;
  all.sampling_raw = raw_member(*capabilities, "sampling", text);
  all.sampling = !all.sampling_raw.empty();
  all.experimental_raw = raw_member(*capabilities, "experimental", text);
  all.extensions_raw = raw_member(*capabilities, "extensions", text);
  all.vendor = !all.experimental_raw.empty() || !all.extensions_raw.empty();
  const proto::json::Value* extensions = capabilities->find("extensions");
  all.tasks = extensions != nullptr && extensions->find(proto::tasks_extension) != nullptr;
  if (const proto::json::Value* elicitation = capabilities->find("elicitation")) {
    const bool form = elicitation->find("form") != nullptr;
    all.elicitation_url = elicitation->find("url") != nullptr;
    all.elicitation_form = form || !all.elicitation_url;
  }
  return all;
}

void add(Capabilities& all, const Capabilities& other) {
  all.roots |= other.roots;
  all.sampling |= other.sampling;
  all.elicitation_form |= other.elicitation_form;
  all.elicitation_url |= other.elicitation_url;
  all.vendor |= other.vendor;
  all.tasks |= other.tasks;
  if (all.sampling_raw.empty()) all.sampling_raw = other.sampling_raw;
  if (all.experimental_raw.empty()) all.experimental_raw = other.experimental_raw;
  if (all.extensions_raw.empty()) all.extensions_raw = other.extensions_raw;
}

bool may_be_asked(const Abilities& abilities, proto::Method method, Mode mode) {
  if (method == proto::Method::roots_list) return abilities.roots;
  if (method == proto::Method::sampling_create_message) return abilities.sampling;
  if (method == proto::Method::elicitation_create) {
    return mode == Mode::url ? abilities.elicitation_url : abilities.elicitation_form;
  }
  return abilities.vendor;
}

}  // namespace core
