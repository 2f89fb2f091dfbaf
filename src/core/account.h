// What is kept for a session and for its principal, counted.
//
// Whatever the broker keeps because of a client is charged to the account of its session, which is part of
// its principal's: a client does not get more by opening more sessions. The thing that is kept holds its
// charge, which is given back when it is destroyed or replaced; no code counts down. An account stays
// until its session has ended and the last charge on it is gone: a cancelled call may outlive its session.
//
// An account refuses nothing. Before something is kept the one that keeps it asks whether there is room, and
// decides what comes of it if there is none: the client is refused, is not read, or the oldest of its own
// goes.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/fields.h"
#include "base/slot_map.h"
#include "core/kept.h"

namespace core {

using AccountId = base::Id<struct AccountTag>;

class Accounts;
class Charge;

// A limit that stands in the way.
struct Full {
  Kept kind = {};
  bool in_bytes = false;
  bool of_principal = false;
  std::size_t limit = 0;

  // For errors: "too many subscriptions in this session (limit 1024)".
  std::string text() const;
};

// Names an account. Default: nothing is counted.
class Account {
 public:
  Account() = default;
  Account(Accounts& all, AccountId id) : all_(&all), id_(id) {}

  AccountId id() const { return id_; }
  explicit operator bool() const { return all_ != nullptr; }
  Amount kept(Kept kind) const;
  // Whether `more` may be kept beside what is; if not, why.
  std::optional<Full> full(Kept kind, Amount more) const;
  // Whether more is kept than may be.
  bool over(Kept kind) const { return full(kind, {}).has_value(); }
  Charge charge(Kept kind, std::size_t bytes) const;
  // The account of all that share the limit: the principal's, or this.
  Account widest() const;

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  friend class Charge;
  Accounts* all_ = nullptr;
  AccountId id_;
};

// One thing that is kept. Default: nothing is, or it is counted nowhere.
class Charge {
 public:
  Charge() = default;
  Charge(Account account, Kept kind, std::size_t bytes);
  Charge(Charge&& other) noexcept;
  Charge& operator=(Charge&& other) noexcept;
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() { give_back(); }

  // It has become longer, or shorter.
  void resize(std::size_t bytes);
  std::size_t bytes() const { return bytes_; }
  Account account() const { return account_; }

  static constexpr std::size_t fields = 3;
  friend struct base::Fields;

 private:
  void give_back();

  Account account_;
  Kept kind_ = {};
  std::size_t bytes_ = 0;
};

// All accounts. Outlives everything that is charged to them.
class Accounts {
 public:
  explicit Accounts(const Allowances& allowances) : allowances_(allowances) {}
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // For a new session. Empty: it has no principal.
  Account open(const std::string& principal);
  // The session has ended.
  void close(AccountId session);
  std::size_t size() const { return all_.size(); }

  static constexpr std::size_t fields = 3;
  friend struct base::Fields;

 private:
  friend class Account;
  friend class Charge;
  struct Entry {
    std::array<Amount, kinds_of_kept> kept{};
    std::size_t holders = 0;  // Charges; its open session, or the accounts of the principal's sessions.
    AccountId principal;
    std::string name;  // Of a principal.
    static constexpr std::size_t fields = 4;
  };

  static Amount& of(Entry& entry, Kept kind) { return entry.kept[static_cast<std::size_t>(kind)]; }
  static std::optional<Full> beyond(const Entry& entry, Kept kind, Amount more, const Amount& allowed,
                                    bool of_principal);
  void add(AccountId id, Kept kind, Amount more);
  void remove(AccountId id, Kept kind, Amount less);
  void let_go(AccountId id);

  Allowances allowances_;
  base::SlotMap<AccountTag, Entry> all_;
  std::map<std::string, AccountId> principals_;
};

}  // namespace core
