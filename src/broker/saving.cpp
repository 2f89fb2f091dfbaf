// A broker as bytes, and a broker from them: what a daemon hands to the one that replaces it.
//
// All tables are written by one rule, member by member (save/codec.h). What cannot be is said here: what
// points elsewhere, what is the new daemon's own, and what is empty between two turns.
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ensure.h"
#include "broker/broker.h"
#include "broker/context/environment_codec.h"
#include "broker/context/state.h"
#include "save/codec.h"

namespace broker {
namespace {

struct Restoring : EnvironmentReader {
  Restoring(std::string_view saved, core::Accounts& all) : EnvironmentReader(saved), accounts(all) {}

  core::Accounts& accounts;
};

// Only restored() reads what has a Codec here.
Restoring& restoring(save::Reader& reader) {
  return static_cast<Restoring&>(reader);
}

}  // namespace

// Options that the new broker keeps: hashes, tickets and dates that were given out stay good.
struct Lasting {
  std::int64_t unix_time = 0;
  std::uint64_t hash_key = 0;
  std::uint64_t ticket_key = 0;
  static constexpr std::size_t fields = 3;
};

}  // namespace broker

namespace save {

template <>
struct Codec<core::Capabilities> {
  static_assert(sizeof(core::Capabilities) ==
                sizeof(core::PassedOnCapabilities) + (sizeof(core::Abilities) + 7) / 8 * 8);
  static void write(Writer& writer, const core::Capabilities& all) {
    writer.list(2);
    save::write<core::Abilities>(writer, all);
    save::write<core::PassedOnCapabilities>(writer, all);
  }
  static void read(Reader& reader, core::Capabilities& all) {
    if (reader.list() != 2) return reader.fail("capabilities have two parts");
    save::read<core::Abilities>(reader, all);
    save::read<core::PassedOnCapabilities>(reader, all);
  }
};

// The page itself is the client's (proto/journal.h).
template <>
struct Codec<proto::Journal> {
  static void write(Writer& writer, const proto::Journal& journal) {
    const auto& [page, next] = base::Fields::of(journal);
    save::write(writer, next);
  }
  static void read(Reader& reader, proto::Journal& journal) {
    const auto& [page, next] = base::Fields::of(journal);
    save::read(reader, next);
  }
};

// All that is charged belongs to the accounts of the one broker.
template <>
struct Codec<core::Accounts*> {
  static void write(Writer& writer, core::Accounts* all) { save::write(writer, all != nullptr); }
  static void read(Reader& reader, core::Accounts*& all) {
    all = save::read<bool>(reader) ? &broker::restoring(reader).accounts : nullptr;
  }
};

// One that is read gives back what it has charged when it is destroyed, so it is made of whole parts only.
template <>
struct Codec<core::Charge> {
  static void write(Writer& writer, const core::Charge& charge) {
    const auto& [account, kind, bytes] = base::Fields::of(charge);
    writer.list(3);
    save::write(writer, account);
    save::write(writer, kind);
    save::write(writer, bytes);
  }
  static void read(Reader& reader, core::Charge& charge) {
    if (reader.list() != 3) return reader.fail("a charge has three parts");
    const auto account = save::read<core::Account>(reader);
    const auto kind = save::read<core::Kept>(reader);
    const auto bytes = save::read<std::size_t>(reader);
    if (reader.failed()) return;
    const auto& [allowances, all, principals] = base::Fields::of(broker::restoring(reader).accounts);
    if (account && all.find(account.id()) == nullptr) return reader.fail("a charge is to no account");
    base::Fields::of(charge) = std::tuple(account, kind, bytes);
  }
};

// How much may be kept is for the new daemon to say. What is kept is written here and with each charge: both
// are read as they stand, and nothing is charged twice.
template <>
struct Codec<core::Accounts> {
  static void write(Writer& writer, const core::Accounts& accounts) {
    const auto& [allowances, all, principals] = base::Fields::of(accounts);
    writer.list(2);
    save::write(writer, all);
    save::write(writer, principals);
  }
  static void read(Reader& reader, core::Accounts& accounts) {
    const auto& [allowances, all, principals] = base::Fields::of(accounts);
    if (reader.list() != 2) return reader.fail("accounts have two tables");
    save::read(reader, all);
    save::read(reader, principals);
  }
};

// Two of its tables refer to the keys of the first.
template <>
struct Codec<core::Subscriptions> {
  using Held = std::map<core::Subscriber, std::vector<std::string_view>>;

  static void write(Writer& writer, const core::Subscriptions& subscriptions) {
    const auto& [resources, held, waiting] = base::Fields::of(subscriptions);
    writer.list(3);
    save::write(writer, resources);
    writer.list(held.size());
    for (const auto& [subscriber, uris] : held) {
      save::write(writer, subscriber);
      writer.list(uris.size());
      for (const auto& [uri, charge] : uris) {
        writer.text(uri);
        save::write(writer, charge);
      }
    }
    writer.list(waiting.size());
    for (const auto& [call, uri] : waiting) {
      save::write(writer, call);
      writer.text(uri);
    }
  }

  static void read(Reader& reader, core::Subscriptions& subscriptions) {
    const auto& [resources, held, waiting] = base::Fields::of(subscriptions);
    if (reader.list() != 3) return reader.fail("subscriptions have three tables");
    save::read(reader, resources);
    const auto key = [&](const auto& of, std::string_view uri) -> std::string_view {
      const auto found = of.find(uri);
      if (found == of.end()) {
        reader.fail("a subscription is for a resource that is not known");
        return {};
      }
      return found->first;
    };
    for (std::size_t left = reader.list(); left > 0 && !reader.failed(); --left) {
      auto& uris = held[save::read<core::Subscriber>(reader)];
      for (std::size_t more = reader.list(); more > 0 && !reader.failed(); --more) {
        const std::string_view uri = key(resources, reader.text());
        save::read(reader, uris[uri]);
      }
    }
    for (std::size_t left = reader.list(); left > 0 && !reader.failed(); --left) {
      const auto call = save::read<core::CallId>(reader);
      waiting.emplace(call, key(resources, reader.text()));
    }
  }
};

template <>
struct Codec<broker::Options> {
  static void write(Writer& writer, const broker::Options& options) {
    save::write(writer, broker::Lasting{options.unix_time, options.hash_key, options.ticket_key});
  }
  static void read(Reader& reader, broker::Options& options) {
    const auto lasting = save::read<broker::Lasting>(reader);
    options.unix_time = lasting.unix_time;
    options.hash_key = lasting.hash_key;
    options.ticket_key = lasting.ticket_key;
  }
};

// Between two turns all that was to be done has been done.
template <class T>
struct Done {
  static void write(Writer& writer, const std::vector<T>& all) {
    ensure(all.empty());
    writer.list(0);
  }
  static void read(Reader& reader, std::vector<T>&) {
    if (reader.list() != 0) reader.fail("it was written in the middle of a turn");
  }
};
template <>
struct Codec<std::vector<broker::Action>> : Done<broker::Action> {};
template <>
struct Codec<std::vector<broker::Notice>> : Done<broker::Notice> {};

}  // namespace save

namespace broker {

std::string Broker::save() const {
  save::Writer writer;
  save::write(writer, *state_);
  return std::move(writer).finish();
}

base::Result<std::unique_ptr<Broker>> Broker::restored(Options options, std::string_view saved,
                                                       const Pages& page_of) {
  auto broker = std::make_unique<Broker>(std::move(options), base::Instant());
  State& state = *broker->state_;
  Restoring reader(saved, state.accounts);
  save::read<State>(reader, state);
  TRY(reader.end("the state of the daemon before"));
  state.sessions.each([&](SessionId id, core::Session& session) {
    if (const auto page = page_of(session.remnant_of.value_or(id)); !page.empty())
      session.journal.continue_on(page);
  });
  return broker;
}

}  // namespace broker
