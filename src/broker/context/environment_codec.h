// How an environment is saved: all its variables. Equal ones that are read are kept once.
#pragma once

#include <map>

#include "core/environment.h"
#include "save/codec.h"

namespace broker {

// Reads what holds environments.
struct EnvironmentReader : save::Reader {
  using Reader::Reader;

  std::map<core::Environment::Map, core::Environment> environments;
};

}  // namespace broker

template <>
struct save::Codec<core::Environment> {
  static void write(Writer& writer, const core::Environment& environment) {
    save::write(writer, environment.map());
  }
  static void read(Reader& reader, core::Environment& environment) {
    auto variables = save::read<core::Environment::Map>(reader);
    auto& known = static_cast<broker::EnvironmentReader&>(reader).environments;
    const auto found = known.find(variables);
    environment = found != known.end() ? found->second : known[variables] = core::Environment(variables);
  }
};
