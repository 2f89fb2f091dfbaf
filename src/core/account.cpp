#include "core/account.h"

#include <utility>

#include "base/ensure.h"

namespace core {

std::string Full::text() const {
  std::string text = in_bytes ? "too many bytes of " : "too many ";
  text += name_of(kind);
  text += of_principal ? " of this token's sessions" : " in this session";
  return text + " (limit " + std::to_string(limit) + ")";
}

Charge::Charge(Account account, Kept kind, std::size_t bytes)
    : account_(account), kind_(kind), bytes_(account ? bytes : 0) {
  if (!account_) return;
  account_.all_->add(account_.id_, kind_, {1, bytes_});
  ++account_.all_->all_.at(account_.id_).holders;
}

Charge::Charge(Charge&& other) noexcept
    : account_(std::exchange(other.account_, {})),
      kind_(other.kind_),
      bytes_(std::exchange(other.bytes_, 0)) {}

Charge& Charge::operator=(Charge&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  account_ = std::exchange(other.account_, {});
  kind_ = other.kind_;
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void Charge::resize(std::size_t bytes) {
  if (!account_) return;
  account_.all_->remove(account_.id_, kind_, {0, bytes_});
  bytes_ = bytes;
  account_.all_->add(account_.id_, kind_, {0, bytes_});
}

void Charge::give_back() {
  if (!account_) return;
  account_.all_->remove(account_.id_, kind_, {1, bytes_});
  account_.all_->let_go(account_.id_);
  account_ = {};
  bytes_ = 0;
}

Amount Account::kept(Kept kind) const {
  return all_ != nullptr ? Accounts::of(all_->all_.at(id_), kind) : Amount{};
}

std::optional<Full> Account::full(Kept kind, Amount more) const {
  if (all_ == nullptr) return std::nullopt;
  const Allowance& allowed = all_->allowances_[static_cast<std::size_t>(kind)];
  const Accounts::Entry& entry = all_->all_.at(id_);
  if (auto found = Accounts::beyond(entry, kind, more, allowed.session, false)) return found;
  if (!entry.principal) return std::nullopt;
  return Accounts::beyond(all_->all_.at(entry.principal), kind, more, allowed.principal, true);
}

Charge Account::charge(Kept kind, std::size_t bytes) const {
  return {*this, kind, bytes};
}

Account Account::widest() const {
  if (all_ == nullptr) return {};
  const AccountId principal = all_->all_.at(id_).principal;
  return principal ? Account(*all_, principal) : *this;
}

Account Accounts::open(const std::string& principal) {
  AccountId of;
  if (!principal.empty()) {
    const auto [found, is_new] = principals_.try_emplace(principal);
    if (is_new) found->second = all_.insert({.principal = {}, .name = principal});
    of = found->second;
    ++all_.at(of).holders;
  }
  return {*this, all_.insert({.holders = 1, .principal = of, .name = {}})};
}

void Accounts::close(AccountId session) {
  let_go(session);
}

std::optional<Full> Accounts::beyond(const Entry& entry, Kept kind, Amount more, const Amount& allowed,
                                     bool of_principal) {
  const Amount all = entry.kept[static_cast<std::size_t>(kind)] + more;
  if (all.objects > allowed.objects) return Full{kind, false, of_principal, allowed.objects};
  if (all.bytes > allowed.bytes) return Full{kind, true, of_principal, allowed.bytes};
  return std::nullopt;
}

void Accounts::add(AccountId id, Kept kind, Amount more) {
  Entry& entry = all_.at(id);
  of(entry, kind) = of(entry, kind) + more;
  if (entry.principal) add(entry.principal, kind, more);
}

void Accounts::remove(AccountId id, Kept kind, Amount less) {
  Entry& entry = all_.at(id);
  Amount& kept = of(entry, kind);
  ensure(kept.objects >= less.objects && kept.bytes >= less.bytes);
  kept = {kept.objects - less.objects, kept.bytes - less.bytes};
  if (entry.principal) remove(entry.principal, kind, less);
}

void Accounts::let_go(AccountId id) {
  Entry& entry = all_.at(id);
  if (--entry.holders != 0) return;
  const AccountId principal = entry.principal;
  if (!entry.name.empty()) principals_.erase(entry.name);
  all_.erase(id);
  if (principal) let_go(principal);
}

}  // namespace core
