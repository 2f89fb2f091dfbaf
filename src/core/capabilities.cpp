#include "core/capabilities.h"

#include "proto/claim.h"
#include "proto/members.h"

namespace core {
namespace {

// As it is passed on: objects only.
std::string object_or_none(std::string_view raw) {
  return std::string(raw.starts_with('{') ? raw : std::string_view());
}

}  // namespace

Capabilities capabilities_of(std::string_view raw) {
  Capabilities all;
  const auto [roots, sampling, experimental, extensions, elicitation] =
      proto::members(raw, {"roots", "sampling", "experimental", "extensions", "elicitation"});
  all.roots = !roots.empty();
  all.sampling_raw = object_or_none(sampling);
  all.sampling = !all.sampling_raw.empty();
  all.experimental_raw = object_or_none(experimental);
  all.extensions_raw = object_or_none(extensions);
  all.vendor = !all.experimental_raw.empty() || !all.extensions_raw.empty();
  all.tasks = !proto::member(extensions, proto::tasks_extension).empty();
  if (elicitation.empty()) return all;
  const auto [form, url] = proto::members(elicitation, {"form", "url"});
  all.elicitation_url = !url.empty();
  all.elicitation_form = !form.empty() || url.empty();
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
